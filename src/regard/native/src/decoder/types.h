// What a model for decoding is made of: plain structs that Python fills in. All that they point to stays the caller's.
#pragma once

#include <cstdint>
#include <cstring>

namespace regard::decoder {

constexpr int64_t PANEL = 16;  // outputs of a linear map that are computed together
constexpr int64_t ALONG = 64;  // bytes of inputs that are multiplied together

enum Precision : int64_t { FLOAT32, INT8, BFLOAT16 };
enum NormKind : int64_t { LAYER_NORM, RMS_NORM };
enum Activation : int64_t { RELU, GELU, SWIGLU, SILU, GEGLU };
enum PositionsKind : int64_t { NO_POSITIONS, SINUSOIDAL, LEARNED, ROTARY, SHAW, T5, ALIBI, T2T_SINUSOIDAL };

static inline int64_t up(int64_t count, int64_t to) { return (count + to - 1) / to * to; }

// Bytes of one value, and of one row of inputs as products want it.
static inline int64_t width(int64_t precision) { return precision == INT8 ? 1 : precision == BFLOAT16 ? 2 : 4; }
static inline int64_t depth(int64_t precision, int64_t inputs) {
    return up(inputs * width(precision), precision == FLOAT32 ? 4 : ALONG);
}

static inline uint16_t to_bfloat16(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    return static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

// Bytes of a key's or value's feature that is kept for later steps.
static inline int64_t kept_width(int64_t precision) { return precision == FLOAT32 ? 4 : 2; }

// y = x Wᵀ + b. Weights lie as panels of 16 outputs: 4 bytes of inputs of each output, then the next 4 bytes; whatever
// is added to make panels whole is zero.
struct Linear {
    int64_t inputs, outputs;
    const void* weights;
    const float* scales;  // of each output in INT8, to a whole panel
    const float* bias;    // or null; to a whole panel
};

// Vectors to look up: in bfloat16, or in float32 beside FLOAT32.
struct Table {
    int64_t entries;
    const void* rows;
};

struct Norm {
    const float *weight, *bias;  // bias: of a LAYER_NORM
};

struct Attention {
    Linear input;   // queries, keys, values; of encoder-decoder attention queries alone
    Linear source;  // keys and values of the memory; of encoder-decoder attention
    Linear output;
    Norm norm;
};

struct FeedForward {
    Linear widen;  // of SWIGLU and GEGLU: the gate, then what passes it
    Linear narrow;
    Norm norm;
};

struct Layer {
    Attention self, source;  // source: in a decoder
    FeedForward widening;
};

struct Positions {
    int64_t kind, entries;  // entries: places (LEARNED), buckets (T5), the first place (T2T_SINUSOIDAL)
    int64_t distance;       // SHAW, T5
    float base;             // ROTARY
    const float* table;     // LEARNED, SHAW, T5
};

struct Stack {
    int64_t layers;
    const Layer* layer;
    Norm entrance, final;  // without weights where there is none
    Positions positions;
};

// Output tokens that are thought of for a source: some ever, some for each of its tokens. Source tokens that have none of
// their own call for all tokens.
struct Shortlist {
    int64_t common_count;  // 0: there is no list
    const int32_t* common;
    const int64_t* first;  // of source token s: `listed` from first[s] to first[s + 1]
    const int32_t* listed;
};

struct Model {
    int64_t precision, d_model, heads, key_value_heads, d_ff, pre_norm, norm_kind, activation;
    float epsilon, scale, ngram_scale;  // of the norms; what vectors looked up are multiplied by
    int64_t source_size, ngrams;
    const Table* ngram;  // for n = 2, 3 ...
    Table source, target;
    Linear logits;
    Stack encoder, decoder;
    Shortlist shortlist;
    Linear copy_query, copy_key;  // without weights where the source's tokens are not copied
};

static inline bool gated(const Model& m) { return m.activation == SWIGLU || m.activation == GEGLU; }
static inline int64_t head_size(const Model& m) { return m.d_model / m.heads; }
static inline int64_t shared_size(const Model& m) { return m.key_value_heads * head_size(m); }

}  // namespace regard::decoder
