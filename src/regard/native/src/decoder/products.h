// Products of rows with packed weights. Every output is the same sum in the same order, however many rows there are.
#pragma once

#include <type_traits>

#include "../elementwise.h"
#include "kernels.h"

namespace INSTRUCTIONS {

// Only inside its caller does a block know the product that it is part of, and keep it in registers.
#define INLINED __attribute__((always_inline)) inline

constexpr int PARTS = PANEL / LANES;  // vectors that hold 4 bytes of inputs of each output of a panel

// A vector of packed weights, and its product with 4 bytes of inputs, which is added to sums.
struct FloatWeights {
    using Sums = Floats;
    static constexpr int32_t ADDED = 0;  // to each weight
    static constexpr int TALL = LANES < 8 ? 2 : 6;  // rows whose sums, and a panel's weights, registers hold
    Floats w;
    FloatWeights() = default;
    explicit FloatWeights(const int8_t* at) : w(load(reinterpret_cast<const float*>(at))) {}
    static Floats times(Floats sums, const FloatWeights& weights, const int8_t* inputs) {
        float x;
        memcpy(&x, inputs, 4);
        return sums + weights.w * x;
    }
};

// 4 bytes are 2 inputs.
struct BFloatWeights {
    using Sums = Floats;
    static constexpr int32_t ADDED = 0;
    static constexpr int TALL = LANES < 8 ? 2 : LANES == 8 ? 4 : 6;
    BFloatWeights() = default;
#if defined(__AVX512BF16__)
    __m512i w;
    explicit BFloatWeights(const int8_t* at) : w(_mm512_loadu_si512(at)) {}
    static Floats times(Floats sums, const BFloatWeights& weights, const int8_t* inputs) {
        int32_t two;
        memcpy(&two, inputs, 4);
        return (Floats)_mm512_dpbf16_ps((__m512)sums, (__m512bh)weights.w, (__m512bh)_mm512_set1_epi32(two));
    }
#else
    Floats first, second;
    explicit BFloatWeights(const int8_t* at) {
        const Words both = (Words)load(reinterpret_cast<const float*>(at));
        first = (Floats)(both << 16);
        second = (Floats)(both & 0xFFFF0000);
    }
    static Floats times(Floats sums, const BFloatWeights& weights, const int8_t* inputs) {
        uint32_t two;
        memcpy(&two, inputs, 4);
        const Words both = Words{} + two;
        return sums + weights.first * (Floats)(both << 16) + weights.second * (Floats)(both & 0xFFFF0000);
    }
#endif
};

#if defined(__AVX512VNNI__)
// The processor multiplies unsigned by signed bytes: 128 is added to each weight, and 128 times the inputs' sum too much.
struct ByteWeights {
    using Sums = Ints;
    __m512i w;
    static constexpr int32_t ADDED = 128;
    static constexpr int TALL = 6;
    ByteWeights() = default;
    explicit ByteWeights(const int8_t* at)
        : w(_mm512_xor_si512(_mm512_loadu_si512(at), _mm512_set1_epi8(static_cast<char>(0x80)))) {}
    static Ints times(Ints sums, const ByteWeights& weights, const int8_t* inputs) {
        int32_t four;
        memcpy(&four, inputs, 4);
        return (Ints)_mm512_dpbusd_epi32((__m512i)sums, weights.w, _mm512_set1_epi32(four));
    }
};
#elif defined(__AVX2__) && !defined(__AVX512F__)
// The processor multiplies unsigned by signed bytes: the sign of a weight goes over to the input. Two products of at most
// 127 * 127 fit into the 16 bits that it adds them up in.
struct ByteWeights {
    using Sums = Ints;
    __m256i w, size;
    static constexpr int32_t ADDED = 0;
    static constexpr int TALL = 6;
    ByteWeights() = default;
    explicit ByteWeights(const int8_t* at)
        : w(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at))), size(_mm256_abs_epi8(w)) {}
    static Ints times(Ints sums, const ByteWeights& weights, const int8_t* inputs) {
        int32_t four;
        memcpy(&four, inputs, 4);
        const __m256i signed_inputs = _mm256_sign_epi8(_mm256_set1_epi32(four), weights.w);
        const __m256i pairs = _mm256_maddubs_epi16(weights.size, signed_inputs);
        return sums + (Ints)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
    }
};
#else
struct ByteWeights {
    using Sums = Ints;
    const int8_t* w;
    static constexpr int32_t ADDED = 0;
    static constexpr int TALL = LANES < 8 ? 2 : 6;
    ByteWeights() = default;
    explicit ByteWeights(const int8_t* at) : w(at) {}
    static Ints times(Ints sums, const ByteWeights& weights, const int8_t* inputs) {
        for (int lane = 0; lane < LANES; ++lane)
            for (int i = 0; i < 4; ++i) sums[lane] += weights.w[4 * lane + i] * inputs[i];
        return sums;
    }
};
#endif

inline Floats finished(Floats x, int64_t then, const float* at) {
    if (then == decoder::ADD) return load(at) + x;
    if (then == decoder::STORE_RELU) return ReLU::value(x);
    if (then == decoder::STORE_GELU) return GELU::value(x);
    if (then == decoder::STORE_SILU) return x * sigmoid(x);
    return x;
}

struct Product {
    const decoder::Linear& map;
    const decoder::Inputs& from;
    int64_t depth;  // bytes of a row of inputs
    float* out;  // of the first row's output `first`
    int64_t first, row, then;
};

inline Floats scaled(const Product&, int64_t, int64_t, Floats sums, int32_t) { return sums; }
inline Floats scaled(const Product& p, int64_t r, int64_t output, Ints sums, int32_t added) {
    const Ints exact = added ? sums - added * p.from.sums[r] : sums;
    return __builtin_convertvector(exact, Floats) * (load(p.map.scales + output) * p.from.scales[r]);
}

// Hands a vector of outputs over, when their bias is added.
INLINED void put(const Product& p, int64_t r, int64_t output, Floats x) {
    if (p.map.bias) x += load(p.map.bias + output);
    float* to = p.out + r * p.row + output - p.first;
    store(to, finished(x, p.then, to));
}

// ROWS rows by PANELS panels, with all sums in registers: weights stay there while each row's input passes by.
template <class Weights, int ROWS, int PANELS>
INLINED void block(const Product& p, int64_t first_row, int64_t panel) {
    typename Weights::Sums sums[ROWS][PANELS * PARTS];  // cleared one by one: what is cleared whole stays in memory
    for (int r = 0; r < ROWS; ++r)
        for (int part = 0; part < PANELS * PARTS; ++part) sums[r][part] = typename Weights::Sums{};
    const int8_t* inputs = static_cast<const int8_t*>(p.from.values) + first_row * p.depth;
    const int8_t* weights = static_cast<const int8_t*>(p.map.weights) + panel * PANEL * p.depth;
    int64_t at = 0;
    do {
        Weights w[PANELS * PARTS];
        for (int part = 0; part < PANELS * PARTS; ++part)
            w[part] = Weights(weights + at * PANEL + part / PARTS * PANEL * p.depth + part % PARTS * LANES * 4);
        for (int r = 0; r < ROWS; ++r)
            for (int part = 0; part < PANELS * PARTS; ++part)
                sums[r][part] = Weights::times(sums[r][part], w[part], inputs + r * p.depth + at);
    } while ((at += 4) < p.depth);
    for (int r = 0; r < ROWS; ++r)
        for (int part = 0; part < PANELS * PARTS; ++part) {
            const int64_t output = panel * PANEL + part * LANES;
            put(p, first_row + r, output, scaled(p, first_row + r, output, sums[r][part], Weights::ADDED));
        }
}

// Few rows by one panel after the other, which reads memory from front to back. Several sums are under way for each
// output: of bytes, since the order of whole numbers does not matter.
template <class Weights, int ROWS>
INLINED void line(const Product& p, int64_t first_row, int64_t panel) {
    constexpr int CHAINS = 4 / PARTS;
    constexpr int64_t FAR = 2048;  // bytes ahead that are fetched
    typename Weights::Sums sums[ROWS][CHAINS][PARTS] = {};
    const int8_t* inputs = static_cast<const int8_t*>(p.from.values) + first_row * p.depth;
    const int8_t* weights = static_cast<const int8_t*>(p.map.weights) + panel * PANEL * p.depth;
    int64_t at = 0;
    do
        for (int chain = 0; chain < CHAINS; ++chain) {
            const int64_t here = at + 4 * chain;
            __builtin_prefetch(weights + here * PANEL + FAR);
            for (int part = 0; part < PARTS; ++part) {
                const Weights w(weights + here * PANEL + part * LANES * 4);
                for (int r = 0; r < ROWS; ++r)
                    sums[r][chain][part] = Weights::times(sums[r][chain][part], w, inputs + r * p.depth + here);
            }
        }
    while ((at += 4 * CHAINS) < p.depth);
    for (int r = 0; r < ROWS; ++r)
        for (int part = 0; part < PARTS; ++part) {
            typename Weights::Sums all = sums[r][0][part];
            for (int chain = 1; chain < CHAINS; ++chain) all += sums[r][chain][part];
            const int64_t output = panel * PANEL + part * LANES;
            put(p, first_row + r, output, scaled(p, first_row + r, output, all, Weights::ADDED));
        }
}

template <class Weights, int ROWS>
INLINED void rows_of(const Product& p, int64_t first_row, int64_t first, int64_t last) {
    constexpr int TALL = Weights::TALL;
    constexpr int PANELS = LANES == 16 ? 4 : LANES < 8 || ROWS * 2 > TALL ? 1 : ROWS * 4 > TALL ? 2 : 4;
    int64_t panel = first;
    if constexpr (std::is_same_v<Weights, ByteWeights> && ROWS <= 2 && PARTS <= 2)
        for (; panel < last; ++panel) line<Weights, ROWS>(p, first_row, panel);
    for (; panel + PANELS <= last; panel += PANELS) block<Weights, ROWS, PANELS>(p, first_row, panel);
    for (; panel < last; ++panel) block<Weights, ROWS, 1>(p, first_row, panel);
}

template <class Weights, int ROWS>
INLINED void remaining(const Product& p, int64_t first_row, int64_t rows, int64_t first, int64_t last) {
    if constexpr (ROWS > 0) {
        if (rows == ROWS) return rows_of<Weights, ROWS>(p, first_row, first, last);
        remaining<Weights, ROWS - 1>(p, first_row, rows, first, last);
    }
}

// Panels outside, so that their weights are read once from where they lie and then from the nearest cache.
template <class Weights>
inline void product(const Product& p, int64_t rows, int64_t first, int64_t last) {
    constexpr int64_t TOGETHER = 4;
    constexpr int TALL = Weights::TALL;
    for (int64_t panel = first; panel < last; panel += TOGETHER) {
        const int64_t end = panel + TOGETHER < last ? panel + TOGETHER : last;
        int64_t r = 0;
        for (; r + TALL <= rows; r += TALL) rows_of<Weights, TALL>(p, r, panel, end);
        remaining<Weights, TALL - 1>(p, r, rows - r, panel, end);
    }
}

}  // namespace INSTRUCTIONS
