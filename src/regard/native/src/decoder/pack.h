#pragma once

#include "types.h"

namespace regard::decoder {

// Bytes of a linear map's packed weights.
int64_t packed_size(int64_t precision, int64_t outputs, int64_t inputs);

// Packs rows of weights as the outputs from `first` on of a map whose memory is all zeros; several matrices may be put one
// after the other. In INT8 each output has its own scale, from its largest weight.
void pack(int64_t precision, int64_t outputs, int64_t inputs, const float* from, int64_t first, void* to, float* scales);

// Rounds to the nearest, ties to even.
void round_to_bfloat16(int64_t count, const float* from, uint16_t* to);

}  // namespace regard::decoder
