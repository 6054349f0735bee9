// What positions do to one stack: tables by place and by distance, made as far as they are needed.
#pragma once

#include <vector>

#include "types.h"

namespace regard::decoder {

class Places {
public:
    Places(const Positions& positions, const Model& model, bool causal);

    // Makes all that places below `length` need.
    void reach(int64_t length);

    // What is added to the embedding at a place, or null.
    const float* added(int64_t place) const;

    // The turns of the pairs of a head's features, or null.
    const float* turns(int64_t place) const;

    // Biases of head 0 from the distance 0 on, to both sides, or null; the next head's lie `bias_head` further.
    const float* bias() const;
    int64_t bias_head() const { return 2 * length_ + 1; }

    const float* far() const { return positions_.kind == SHAW ? positions_.table : nullptr; }
    int64_t farthest() const { return positions_.distance; }

private:
    float bias_of(int64_t head, int64_t distance) const;

    Positions positions_;
    int64_t d_model_, heads_, features_, length_ = 0;
    bool causal_;
    std::vector<float> by_place_, by_distance_;
};

}  // namespace regard::decoder
