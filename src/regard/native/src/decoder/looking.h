// Attention of one sentence's queries: equation 1, head by head. Two ways to lay keys, one result.
#pragma once

#include <algorithm>
#include <cmath>

#include "../norm.h"
#include "kernels.h"

namespace INSTRUCTIONS {

template <class T>
inline float product_of(int64_t features, const float* x, const T* y) {
    Floats sums{};
    along(features, [&](int64_t i, auto part) { sums += part.get(x + i) * part.get(y + i); });
    return sum(sums);
}

// SHAW: the query's match with the vector of each distance goes to each key at that distance.
inline void add_distances(const decoder::Looking& one, int64_t r, const float* q, float* scores, float* matches) {
    const int64_t far = one.farthest, place = one.first + r * one.apart;
    for (int64_t d = 0; d <= 2 * far; ++d) matches[d] = product_of(one.features, q, one.far + d * one.features);
    for (int64_t s = 0; s < one.keys; ++s) {
        const int64_t d = s - place;
        scores[s] += matches[(d < -far ? -far : d > far ? far : d) + far];
    }
}

// Scores of one query to weights that sum to 1.
inline void weigh(const decoder::Looking& one, int64_t r, int64_t head, float* scores) {
    if (one.far)
        add_distances(one, r, one.q + r * one.q_row + head * one.features, scores, one.weights + 4 * decoder::up(one.keys, PANEL));
    const float scale = 1.0f / std::sqrt(static_cast<float>(one.features));
    const float* bias = one.bias ? one.bias + head * one.bias_head - (one.first + r * one.apart) : nullptr;
    Floats peaks = all(-INFINITY), sums{};
    along(one.keys, [&](int64_t s, auto part) {
        Floats score = part.get(scores + s) * scale;
        if (bias) score += part.get(bias + s);
        part.put(scores + s, score);
        peaks = larger(peaks, part.get(scores + s, -INFINITY));
    });
    const float peak = largest(peaks);
    along(one.keys, [&](int64_t s, auto part) {
        const Floats weight = exponential(part.get(scores + s, -INFINITY) - peak);
        part.put(scores + s, weight);
        sums += weight;
    });
    const float share = 1.0f / sum(sums);
    along(one.keys, [&](int64_t s, auto part) { part.put(scores + s, part.get(scores + s) * share); });
}

// Several chains of sums are under way at once: those of some heads, of some queries, of some vectors. Each is the same
// sum in the same order, whatever is beside it. There is a key and a feature at least, and the loops over them say so: else
// compilers keep the sums in memory.

// Where the keys or values of a head begin.
template <class T>
inline const T* of_head(const decoder::Looking& one, const void* all, int64_t head, int64_t row = 1) {
    return static_cast<const T*>(all) + head / one.groups * one.features * row;
}

// Averages values by HEADS x ROWS rows of weights, WIDE vectors of features at a time; value s lies at at(s).
template <class T, int HEADS, int ROWS, int WIDE, class At>
inline void average(const decoder::Looking& one, int64_t first, int64_t head, int64_t i, int64_t row, const At& at) {
    Floats sums[HEADS][ROWS][WIDE] = {};
    const T* v[HEADS];
    for (int h = 0; h < HEADS; ++h) v[h] = of_head<T>(one, one.v, head + h) + i;
    int64_t s = 0;
    do
        for (int h = 0; h < HEADS; ++h)
            for (int part = 0; part < WIDE; ++part) {
                const Floats value = load(v[h] + at(s) + part * LANES);
                for (int r = 0; r < ROWS; ++r) sums[h][r][part] += one.weights[(h * ROWS + r) * row + s] * value;
            }
    while (++s < one.keys);
    for (int h = 0; h < HEADS; ++h)
        for (int r = 0; r < ROWS; ++r)
            for (int part = 0; part < WIDE; ++part)
                store(one.out + (first + r) * one.out_row + (head + h) * one.features + i + part * LANES, sums[h][r][part]);
}

template <class T, int HEADS, int ROWS, class At>
inline void average_all(const decoder::Looking& one, int64_t first, int64_t head, int64_t row, const At& at) {
    int64_t i = 0;
    if (HEADS * ROWS <= 2)
        for (; i + 4 * LANES <= one.features; i += 4 * LANES) average<T, HEADS, ROWS, 4>(one, first, head, i, row, at);
    for (; i + 2 * LANES <= one.features; i += 2 * LANES) average<T, HEADS, ROWS, 2>(one, first, head, i, row, at);
    for (; i + LANES <= one.features; i += LANES) average<T, HEADS, ROWS, 1>(one, first, head, i, row, at);
    if (i == one.features) return;
    const Part part{one.features - i};
    for (int h = 0; h < HEADS; ++h)
        for (int r = 0; r < ROWS; ++r) {
            const T* v = of_head<T>(one, one.v, head + h) + i;
            const float* weights = one.weights + (h * ROWS + r) * row;
            Floats sums{};
            for (int64_t s = 0; s < one.keys; ++s) sums += weights[s] * part.get(v + at(s));
            part.put(one.out + (first + r) * one.out_row + (head + h) * one.features + i, sums);
        }
}

// The sum of each of LANES vectors, in the lane of its number.
inline Floats sums_of(const Floats* x) {
#if defined(__AVX512F__) && defined(__AVX512BW__)
    __m512 fours[4];
    for (int i = 0; i < 4; ++i) {
        const __m512 a = (__m512)x[4 * i], b = (__m512)x[4 * i + 1], c = (__m512)x[4 * i + 2], d = (__m512)x[4 * i + 3];
        const __m512 ab = _mm512_shuffle_ps(a, b, 0x88) + _mm512_shuffle_ps(a, b, 0xDD);
        const __m512 cd = _mm512_shuffle_ps(c, d, 0x88) + _mm512_shuffle_ps(c, d, 0xDD);
        fours[i] = _mm512_shuffle_ps(ab, cd, 0x88) + _mm512_shuffle_ps(ab, cd, 0xDD);
    }
    const auto halved = [](__m512 a, __m512 b) {
        return _mm512_shuffle_f32x4(a, b, 0x88) + _mm512_shuffle_f32x4(a, b, 0xDD);
    };
    return (Floats)halved(halved(fours[0], fours[1]), halved(fours[2], fours[3]));
#elif defined(__AVX2__)
    __m256 fours[2];
    for (int i = 0; i < 2; ++i) {
        const __m256 a = (__m256)x[4 * i], b = (__m256)x[4 * i + 1], c = (__m256)x[4 * i + 2], d = (__m256)x[4 * i + 3];
        fours[i] = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
    }
    return (Floats)(_mm256_permute2f128_ps(fours[0], fours[1], 0x20) + _mm256_permute2f128_ps(fours[0], fours[1], 0x31));
#else
    Floats found;
    for (int lane = 0; lane < LANES; ++lane) found[lane] = sum(x[lane]);
    return found;
#endif
}

// The match of a query with LANES keys, each `features` from where it begins on.
template <class T>
inline Floats match(int64_t features, const float* q, const T* const* keys) {
    Floats sums[LANES];
    for (int key = 0; key < LANES; ++key) sums[key] = Floats{};
    int64_t i = 0;
    if (features >= LANES) do {
        const Floats x = load(q + i);
        for (int key = 0; key < LANES; ++key) sums[key] += x * load(keys[key] + i);
    } while ((i += LANES) + LANES <= features);
    if (i < features) {
        const Part part{features - i};
        for (int key = 0; key < LANES; ++key) sums[key] += part.get(q + i) * part.get(keys[key] + i);
    }
    return sums_of(sums);
}

// Keys one after the other, which may be another row's for every query: what a beam has written.
template <class T>
inline void look_along(const decoder::Looking& one) {
    for (int64_t r = 0; r < one.queries; ++r) {
        const auto at = [&](int64_t s) {
            return s * one.step + (one.rows ? one.rows[r * one.row + s] * one.beside : 0);
        };
        for (int64_t head = 0; head < one.heads; ++head) {
            const float* q = one.q + r * one.q_row + head * one.features;
            const T* k = of_head<T>(one, one.k, head);
            for (int64_t first = 0; first < one.keys; first += LANES) {
                const T* keys[LANES];
                for (int64_t s = 0; s < LANES; ++s) keys[s] = k + at(std::min(first + s, one.keys - 1));
                store(one.weights + first, match(one.features, q, keys));
            }
            weigh(one, r, head, one.weights);
            average_all<T, 1, 1>(one, r, head, 0, at);
        }
    }
}

inline void look(const decoder::Looking& one) { one.halves ? look_along<BFloat16>(one) : look_along<float>(one); }

// ROWS queries from `first` on by HEADS heads, against keys that lie feature by feature; weights have room for 4 of them.
template <class T, int HEADS, int ROWS>
inline void look_across_rows(const decoder::Looking& one, int64_t first, int64_t head) {
    const int64_t row = decoder::up(one.keys, PANEL);
    const float* q[HEADS];
    const T* k[HEADS];
    for (int h = 0; h < HEADS; ++h) {
        q[h] = one.q + first * one.q_row + (head + h) * one.features;
        k[h] = of_head<T>(one, one.k, head + h, one.k_row);
    }
    const auto scores = [&](int64_t s, auto wide) {
        Floats sums[HEADS][ROWS][wide.value] = {};
        int64_t i = 0;
        do
            for (int h = 0; h < HEADS; ++h)
                for (int part = 0; part < wide.value; ++part) {
                    const Floats key = load(k[h] + i * one.k_row + s + part * LANES);
                    for (int r = 0; r < ROWS; ++r) sums[h][r][part] += q[h][r * one.q_row + i] * key;
                }
        while (++i < one.features);
        for (int h = 0; h < HEADS; ++h)
            for (int r = 0; r < ROWS; ++r)
                for (int part = 0; part < wide.value; ++part)
                    store(one.weights + (h * ROWS + r) * row + s + part * LANES, sums[h][r][part]);
    };
    int64_t s = 0;
    for (; s + 2 * LANES <= row; s += 2 * LANES) scores(s, std::integral_constant<int, 2>{});
    for (; s < one.keys; s += LANES) scores(s, std::integral_constant<int, 1>{});
    for (int h = 0; h < HEADS; ++h)
        for (int r = 0; r < ROWS; ++r) weigh(one, first + r, head + h, one.weights + (h * ROWS + r) * row);
    average_all<T, HEADS, ROWS>(one, first, head, row, [&](int64_t key) { return key * one.step; });
}

// All queries by HEADS heads.
template <class T, int HEADS>
inline void look_across_heads(const decoder::Looking& one, int64_t head) {
    int64_t r = 0;
    if constexpr (HEADS == 1)
        for (; r + 4 <= one.queries; r += 4) look_across_rows<T, 1, 4>(one, r, head);
    if constexpr (HEADS <= 2)
        for (; r + 2 <= one.queries; r += 2) look_across_rows<T, HEADS, 2>(one, r, head);
    for (; r < one.queries; ++r) look_across_rows<T, HEADS, 1>(one, r, head);
}

template <class T>
inline void look_across_all(const decoder::Looking& one) {
    int64_t head = 0;
    if (one.queries == 1)
        for (; head + 4 <= one.heads; head += 4) look_across_heads<T, 4>(one, head);
    if (one.queries <= 3)
        for (; head + 2 <= one.heads; head += 2) look_across_heads<T, 2>(one, head);
    for (; head < one.heads; ++head) look_across_heads<T, 1>(one, head);
}

inline void look_across(const decoder::Looking& one) {
    one.halves ? look_across_all<BFloat16>(one) : look_across_all<float>(one);
}

}  // namespace INSTRUCTIONS
