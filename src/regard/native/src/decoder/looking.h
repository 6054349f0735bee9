// Attention of one sentence's queries: equation 1, head by head. Two ways to lay keys, one result.
#pragma once

#include <cmath>

#include "../norm.h"
#include "kernels.h"

namespace INSTRUCTIONS {

inline float product_of(int64_t features, const float* x, const float* y) {
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

// Averages the values of ROWS queries, whose value s lies at v[r] + at(r, s), WIDE vectors of features at a time.
template <int ROWS, int WIDE, class At>
inline void average(const decoder::Looking& one, const float* v, const float* weights, int64_t row, float* out, const At& at) {
    Floats sums[ROWS][WIDE] = {};
    for (int64_t s = 0; s < one.keys; ++s)
        for (int r = 0; r < ROWS; ++r)
            for (int i = 0; i < WIDE; ++i) sums[r][i] += weights[r * row + s] * load(v + at(r, s) + i * LANES);
    for (int r = 0; r < ROWS; ++r)
        for (int i = 0; i < WIDE; ++i) store(out + r * one.out_row + i * LANES, sums[r][i]);
}

template <int ROWS, class At>
inline void average_all(
    const decoder::Looking& one, int64_t first, int64_t head, const float* weights, int64_t row, const At& at
) {
    const float* v = one.v + head / one.groups * one.features;
    float* out = one.out + first * one.out_row + head * one.features;
    int64_t i = 0;
    for (; i + 4 * LANES <= one.features; i += 4 * LANES) average<ROWS, 4>(one, v + i, weights, row, out + i, at);
    for (; i + LANES <= one.features; i += LANES) average<ROWS, 1>(one, v + i, weights, row, out + i, at);
    if (i == one.features) return;
    const Part part{one.features - i};
    for (int r = 0; r < ROWS; ++r) {
        Floats sums{};
        for (int64_t s = 0; s < one.keys; ++s) sums += weights[r * row + s] * part.get(v + at(r, s) + i);
        part.put(out + r * one.out_row + i, sums);
    }
}

// Keys one after the other, which may be another row's for every query: what a beam has written.
inline void look(const decoder::Looking& one) {
    for (int64_t r = 0; r < one.queries; ++r) {
        const auto at = [&](int64_t, int64_t s) {
            return s * one.step + (one.rows ? one.rows[r * one.row + s] * one.beside : 0);
        };
        for (int64_t head = 0; head < one.heads; ++head) {
            const float* q = one.q + r * one.q_row + head * one.features;
            const float* k = one.k + head / one.groups * one.features;
            for (int64_t s = 0; s < one.keys; ++s) one.weights[s] = product_of(one.features, q, k + at(0, s));
            weigh(one, r, head, one.weights);
            average_all<1>(one, r, head, one.weights, 0, at);
        }
    }
}

// ROWS queries from `first` on by one head, against keys that lie feature by feature.
template <int ROWS>
inline void look_across_rows(const decoder::Looking& one, int64_t first, int64_t head) {
    constexpr int WIDE = ROWS > 2 ? 2 : 4;
    const int64_t row = decoder::up(one.keys, PANEL);
    const float* q = one.q + first * one.q_row + head * one.features;
    const float* k = one.k + head / one.groups * one.features * one.k_row;
    const auto scores = [&](int64_t s, auto wide) {
        Floats sums[ROWS][wide.value] = {};
        for (int64_t i = 0; i < one.features; ++i)
            for (int r = 0; r < ROWS; ++r)
                for (int part = 0; part < wide.value; ++part)
                    sums[r][part] += q[r * one.q_row + i] * load(k + i * one.k_row + s + part * LANES);
        for (int r = 0; r < ROWS; ++r)
            for (int part = 0; part < wide.value; ++part) store(one.weights + r * row + s + part * LANES, sums[r][part]);
    };
    int64_t s = 0;
    for (; s + WIDE * LANES <= one.k_row && s < one.keys; s += WIDE * LANES)
        scores(s, std::integral_constant<int, WIDE>{});
    for (; s < one.keys; s += LANES) scores(s, std::integral_constant<int, 1>{});
    for (int r = 0; r < ROWS; ++r) weigh(one, first + r, head, one.weights + r * row);
    average_all<ROWS>(one, first, head, one.weights, row, [&](int64_t, int64_t key) { return key * one.step; });
}

inline void look_across(const decoder::Looking& one) {
    for (int64_t head = 0; head < one.heads; ++head) {
        int64_t r = 0;
        for (; r + 4 <= one.queries; r += 4) look_across_rows<4>(one, r, head);
        for (; r + 2 <= one.queries; r += 2) look_across_rows<2>(one, r, head);
        for (; r < one.queries; ++r) look_across_rows<1>(one, r, head);
    }
}

}  // namespace INSTRUCTIONS
