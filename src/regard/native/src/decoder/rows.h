// What is done to rows between products: scaling to bytes, norms, activations, rotations, vectors looked up.
#pragma once

#include <cmath>
#include <type_traits>

#include "../elementwise.h"
#include "../norm.h"
#include "kernels.h"

namespace INSTRUCTIONS {

typedef int8_t Bytes __attribute__((vector_size(LANES), aligned(1), may_alias));

inline Bytes lowest_bytes(Ints x) {
#if defined(__AVX2__) && !defined(__AVX512F__)  // which compilers do one by one
    const __m256i every = _mm256_setr_epi8(
        0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 4, 8, 12, -1, -1, -1, -1, -1, -1,
        -1, -1);
    const __m256i halves = _mm256_shuffle_epi8((__m256i)x, every);
    const __m128i both = _mm_or_si128(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1));
    return (Bytes)_mm_cvtsi128_si64(both);
#else
    return __builtin_convertvector(x, Bytes);
#endif
}

// Bytes from -127 to 127, so that the largest entry is one of these; all 0 if one is not a number.
inline void prepare_bytes(int64_t inputs, const float* x, int8_t* to, int64_t depth, float& scale, int32_t& total) {
    Ints peaks{};  // without their signs, floats are in the order of their bits
    along(inputs, [&](int64_t i, auto part) {
        const Ints bits = (Ints)part.get(x + i) & 0x7FFFFFFF;
        peaks = bits > peaks ? bits : peaks;
    });
    const Ints infinite = Ints{} + 0x7F800000;
    const float peak = largest((Floats)(peaks > infinite ? infinite : peaks));  // not a number counts as infinite
    scale = 1.0f;
    total = 0;
    if (!(peak > 1e-36f && peak <= 3e38f)) {
        memset(to, 0, depth);
        return;
    }
    scale = peak / 127.0f;
    const float by = 127.0f / peak;
    const Floats rounder = all(12582912.0f);  // 1.5 * 2^23: adding it rounds to whole numbers
    Ints sums{};
    along(inputs, [&](int64_t i, auto part) {
        const Ints whole = (Ints)(part.get(x + i) * by + rounder) - (Ints)rounder;
        sums += whole;
        const Bytes bytes = lowest_bytes(whole);
        if constexpr (std::is_same_v<decltype(part), Whole>)
            memcpy(to + i, &bytes, LANES);
        else
            memcpy(to + i, &bytes, inputs - i);
    });
    memset(to + inputs, 0, depth - inputs);
    for (int lane = 0; lane < LANES; ++lane) total += sums[lane];
}

inline void prepare_halves(int64_t inputs, const float* x, int8_t* to, int64_t depth) {
    auto* halves = reinterpret_cast<BFloat16*>(to);
    along(inputs, [&](int64_t i, auto part) { part.put(halves + i, part.get(x + i)); });
    memset(halves + inputs, 0, depth - 2 * inputs);
}

inline void prepare(
    int64_t precision, int64_t rows, int64_t inputs, const float* x, int64_t row, const decoder::Inputs& to
) {
    const int64_t depth = decoder::depth(precision, inputs);
    auto* values = static_cast<int8_t*>(to.values);
    for (int64_t r = 0; r < rows; ++r)
        if (precision == decoder::INT8)
            prepare_bytes(inputs, x + r * row, values + r * depth, depth, to.scales[r], to.sums[r]);
        else if (precision == decoder::BFLOAT16)
            prepare_halves(inputs, x + r * row, values + r * depth, depth);
        else
            memcpy(values + r * depth, x + r * row, depth);
}

inline void norm_rows(
    int64_t kind, int64_t rows, int64_t d_model, const float* x, const decoder::Norm& norm, float epsilon, float* out,
    int64_t row
) {
    for (int64_t r = 0; r < rows; ++r, x += row, out += row) {
        Floats sums{}, squares{};
        if (kind == decoder::LAYER_NORM) along(d_model, [&](int64_t i, auto part) { sums += part.get(x + i); });
        const float mean = sum(sums) / static_cast<float>(d_model);
        along(d_model, [&](int64_t i, auto part) {
            const Floats away = part.get(x + i, mean) - mean;
            squares += away * away;
        });
        const float scale = 1.0f / std::sqrt(sum(squares) / static_cast<float>(d_model) + epsilon);
        along(d_model, [&](int64_t i, auto part) {
            Floats y = (part.get(x + i) - mean) * scale * part.get(norm.weight + i);
            if (norm.bias) y += part.get(norm.bias + i);
            part.put(out + i, y);
        });
    }
}

// x times the normal density's integral up to x, by tanh (Hendrycks & Gimpel 2016).
inline Floats gelu_by_tanh(Floats x) { return x * sigmoid(1.5957691216f * (x + 0.044715f * x * x * x)); }

inline void gate_rows(int64_t activation, int64_t rows, int64_t d_ff, float* x, int64_t row) {
    for (int64_t r = 0; r < rows; ++r, x += row)
        along(d_ff, [&](int64_t i, auto part) {
            const Floats gate = part.get(x + i);
            const Floats bent = activation == decoder::SWIGLU ? gate * sigmoid(gate) : gelu_by_tanh(gate);
            part.put(x + i, bent * part.get(x + d_ff + i));
        });
}

inline void look_up(
    int64_t precision, const decoder::Table& table, int64_t entry, int64_t d_model, float scale, float* add_to
) {
    const auto add = [&](const auto* from) {
        along(d_model, [&](int64_t i, auto part) {
            part.put(add_to + i, part.get(add_to + i) + part.get(from + entry * d_model + i) * scale);
        });
    };
    if (precision == decoder::FLOAT32)
        add(static_cast<const float*>(table.rows));
    else
        add(static_cast<const BFloat16*>(table.rows));
}

// Pairs of neighbouring features are complex numbers, each turned by one of `turns`.
inline void rotate_heads(int64_t heads, int64_t features, const float* turns, float* x) {
    for (int64_t h = 0; h < heads; ++h, x += features)
        for (int64_t i = 0; i < features; i += 2) {
            const float real = x[i], other = x[i + 1], c = turns[i], s = turns[i + 1];
            x[i] = real * c - other * s;
            x[i + 1] = real * s + other * c;
        }
}

}  // namespace INSTRUCTIONS
