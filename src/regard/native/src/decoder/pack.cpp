// Weights as products want them.
#include "pack.h"

#include <cmath>
#include <cstring>

namespace regard::decoder {

int64_t packed_size(int64_t precision, int64_t outputs, int64_t inputs) {
    return up(outputs, PANEL) * depth(precision, inputs);
}

// The place of an input of an output: 4 bytes of inputs of 16 outputs each, panel after panel.
static int64_t place(int64_t precision, int64_t depth_bytes, int64_t output, int64_t input) {
    const int64_t bytes = input * width(precision);
    return output / PANEL * PANEL * depth_bytes + bytes / 4 * 4 * PANEL + output % PANEL * 4 + bytes % 4;
}

void pack(
    int64_t precision, int64_t outputs, int64_t inputs, const float* from, int64_t first, void* to, float* scales
) {
    const int64_t bytes = depth(precision, inputs);
    auto* packed = static_cast<int8_t*>(to);
    for (int64_t o = 0; o < outputs; ++o) {
        const float* row = from + o * inputs;
        if (precision == FLOAT32) {
            for (int64_t i = 0; i < inputs; ++i) memcpy(packed + place(precision, bytes, first + o, i), row + i, 4);
            continue;
        }
        float largest = 0.0f;
        for (int64_t i = 0; i < inputs; ++i) largest = std::fmax(largest, std::fabs(row[i]));
        const float scale = largest > 0.0f && std::isfinite(largest) ? largest / 127.0f : 1.0f;
        scales[first + o] = scale;
        for (int64_t i = 0; i < inputs; ++i) {
            const float whole = std::nearbyint(row[i] / scale);
            const bool number = whole >= -127.0f && whole <= 127.0f;
            packed[place(precision, bytes, first + o, i)] = number ? static_cast<int8_t>(whole) : 0;
        }
    }
}

void round_to_bfloat16(int64_t count, const float* from, uint16_t* to) {
    for (int64_t i = 0; i < count; ++i) {
        uint32_t bits;
        memcpy(&bits, from + i, 4);
        to[i] = static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
    }
}

}  // namespace regard::decoder
