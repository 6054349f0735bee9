// Weights as products want them.
#include "pack.h"

#include <cmath>
#include <cstring>
#include <vector>

namespace regard::decoder {

int64_t packed_size(int64_t precision, int64_t outputs, int64_t inputs) {
    return up(outputs, PANEL) * depth(precision, inputs);
}

// The bytes of one output, 4 at a time, to their places beside those of the other outputs of its panel.
static void lay(const void* bytes, int64_t count, int64_t depth_bytes, int64_t output, int8_t* packed) {
    int8_t* to = packed + output / PANEL * PANEL * depth_bytes + output % PANEL * 4;
    for (int64_t at = 0; at < count; at += 4, to += 4 * PANEL) memcpy(to, static_cast<const int8_t*>(bytes) + at, 4);
}

void pack(
    int64_t precision, int64_t outputs, int64_t inputs, const float* from, int64_t first, void* to, float* scales
) {
    const int64_t bytes = depth(precision, inputs);
    auto* packed = static_cast<int8_t*>(to);
    std::vector<int8_t> rounded(precision == INT8 ? bytes : 0);
    std::vector<uint16_t> halves(precision == BFLOAT16 ? bytes / 2 : 0);
    for (int64_t o = 0; o < outputs; ++o) {
        const float* row = from + o * inputs;
        if (precision == FLOAT32) {
            lay(row, bytes, bytes, first + o, packed);
            continue;
        }
        if (precision == BFLOAT16) {
            round_to_bfloat16(inputs, row, halves.data());
            lay(halves.data(), bytes, bytes, first + o, packed);
            continue;
        }
        float largest = 0.0f;
        for (int64_t i = 0; i < inputs; ++i) largest = std::fmax(largest, std::fabs(row[i]));
        const float scale = largest > 0.0f && std::isfinite(largest) ? largest / 127.0f : 1.0f;
        scales[first + o] = scale;
        for (int64_t i = 0; i < inputs; ++i) {
            const float whole = std::nearbyint(row[i] / scale);
            rounded[i] = whole >= -127.0f && whole <= 127.0f ? static_cast<int8_t>(whole) : 0;
        }
        lay(rounded.data(), bytes, bytes, first + o, packed);
    }
}

void round_to_bfloat16(int64_t count, const float* from, uint16_t* to) {
    for (int64_t i = 0; i < count; ++i) to[i] = to_bfloat16(from[i]);
}

}  // namespace regard::decoder
