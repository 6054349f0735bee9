// One worker's computations: sources to what the decoder attends to, and one step for rows of many sentences.
#pragma once

#include <vector>

#include "kernels.h"
#include "places.h"

namespace regard::decoder {

constexpr int64_t COLUMNS = 256;  // logits of a row that exist at a time

// What of a source can be copied. Keys are the weights of a map from a query to the scores of their places.
struct Copies {
    std::vector<uint8_t> keys;
    Linear map{};
    std::vector<int32_t> slots;    // of each place, of its token among `outputs`
    std::vector<int32_t> outputs;  // of the map to logits, rising: the different tokens
};

// What a sentence's decoder attends to: of every layer the keys, feature by feature, and the values, place by place.
struct Memory {
    int64_t length = 0;
    std::vector<uint8_t> keys_values;
    Copies copies;
};

// Keys and values of what was written. Of several rows: of every step, layer and row. Of one row: of every layer the
// keys, feature by feature, and the values, step by step.
struct Cache {
    int64_t rows = 0;   // that a step has room for
    int64_t steps = 0;  // that there is room for
    std::vector<uint8_t> keys_values;
};

// The outputs of the last linear map that a sentence thinks of, with their weights; none: it thinks of all.
struct Few {
    std::vector<int32_t> ids;  // rising
    std::vector<uint8_t> weights;
    std::vector<float> scales, bias;
    Linear map{};
};

struct Source {
    const int32_t* ids;  // EOS is the last
    int64_t count;
    Memory* memory;
    Few* few;  // to be filled, or null
};

// Rows of one sentence, which read their tokens at place `step`.
struct Group {
    const Memory* memory;
    const Few* few;  // or null
    Cache* cache;
    int64_t rows, step;
    const int32_t* tokens;
    const uint16_t* ancestors;  // of each row: its row at each step up to this one; null where there is one row only
    int64_t ancestors_row;
};

class Forward {
public:
    Forward(const Model& model, const Kernels& kernels);

    void encode(const std::vector<Source>& sources);

    // Steps all groups' rows; afterwards `best` answers for them.
    void step(const std::vector<Group>& groups);

    // Looks through the logits of every row of the last step, which was made for `groups`; `logits` has room for all of
    // them, or is null.
    void best(const std::vector<Group>& groups, std::vector<Best>& rows, float* logits);

private:
    // Rows of floats, each padded to whole panels; they grow and keep what they hold.
    struct Rows {
        int64_t row = 0;
        std::vector<float> values;
        void reserve(int64_t rows, int64_t columns);
        float* at(int64_t r) { return values.data() + r * row; }
    };

    void reserve(int64_t rows);
    void linear(const Linear& map, int64_t rows, Rows& from, float* to, int64_t to_row, Then then);
    template <class Body>
    void sublayer(const Norm& norm, int64_t rows, const Body& body);
    void normalise(const Norm& norm, int64_t rows, Rows& from, Rows& to);
    void make_room(Cache& cache);
    void self_attention(const Attention& attention, const std::vector<Source>& sources, Rows& from);
    void causal_attention(const Attention& attention, int64_t layer, const std::vector<Group>& groups, Rows& from);
    void source_attention(const Attention& attention, int64_t layer, const std::vector<Group>& groups, Rows& from);
    void feed_forward(const FeedForward& widening, int64_t rows, Rows& from);
    void add_ngrams(const Source& source, int64_t first);
    void turn(const float* turns, float* queries_keys_values);
    void keep(int64_t count, const float* from, uint8_t* to, int64_t apart = 1) const;
    void remember(const std::vector<Source>& sources, int64_t rows);
    void think_of(const Source& source);
    void make_copies(const std::vector<Source>& sources, int64_t rows);
    void look_for_copies(const std::vector<Group>& groups);
    void add_copies(int64_t row, int64_t first, int64_t last, int64_t& done, float* logits);
    void best_of_map(const Linear& map, int64_t first_row, int64_t rows, Best* best, float* logits);
    Looking looking(Places* places, int64_t keys);

    const Model& model_;
    const Kernels& kernels_;
    const int64_t kept_;  // bytes of a number that is kept
    Places encoder_places_, decoder_places_;
    int64_t rows_ = 0, step_rows_ = 0;
    Rows x_, y_, wide_, context_, tile_, across_, copied_;
    std::vector<const Copies*> copies_;  // of each row of the last step, if there are any
    std::vector<int8_t> values_;
    std::vector<float> scales_, weights_, queries_, sums_of_copies_;
    std::vector<int32_t> sums_;
    std::vector<uint8_t> marks_;
    Inputs inputs_{};
};

}  // namespace regard::decoder
