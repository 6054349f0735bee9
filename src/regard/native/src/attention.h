// Attention over short sequences, forwards and backwards: one sentence and head at a time, all of it in the cache.
//
// Products are in float32 whatever the type of the tensors. Rows of scratch are padded to whole vectors with zeros.
#pragma once

#include <cmath>

#include "threads.h"
#include "vector.h"

namespace INSTRUCTIONS {

// A tensor (sentence, head, position, feature) whose features lie side by side.
template <class T>
struct View {
    T* data;
    int64_t sentence, head, position;  // strides in entries

    T* row(int64_t b, int64_t h, int64_t t) const { return data + b * sentence + h * head + t * position; }
};

struct AttentionSizes {
    int64_t sentences, heads, queries, keys, features;
    const uint8_t* mask;  // (sentence, key): 0 where no query may look; or null
    int64_t causal;       // queries see the keys up to their own place, counted from the end
    float scale;
    Mask dropout;  // on the weights; entry ((sentence * heads + head) * queries + query) * keys + key
};

constexpr int64_t ALIGNED = 16;  // entries that a row of scratch is a multiple of

inline int64_t padded(int64_t count) { return (count + ALIGNED - 1) / ALIGNED * ALIGNED; }

#if defined(__AVX512F__)
constexpr int TILE_ROWS = 8;
#else
constexpr int TILE_ROWS = 4;
#endif
constexpr int TILE_VECTORS = 2;

// C (rows x columns) = A B; A is read entry by entry with any strides, B and C by vectors. `inner` is at least 1, as a loop
// that may not run at all would make the compiler keep the sums in memory.
template <int ROWS, int VECTORS>
inline void multiply_tile(
    int64_t inner, const float* a, int64_t a_row, int64_t a_inner, const float* b, int64_t b_row, float* c, int64_t c_row
) {
    Floats total[ROWS][VECTORS] = {};
    int64_t k = 0;
    do {
        Floats right[VECTORS];
        for (int v = 0; v < VECTORS; ++v) right[v] = load(b + k * b_row + v * LANES);
        for (int r = 0; r < ROWS; ++r) {
            const float left = a[r * a_row + k * a_inner];
            for (int v = 0; v < VECTORS; ++v) total[r][v] += left * right[v];
        }
    } while (++k < inner);
    for (int r = 0; r < ROWS; ++r)
        for (int v = 0; v < VECTORS; ++v) store(c + r * c_row + v * LANES, total[r][v]);
}

template <int VECTORS>
inline void multiply_rows(
    int64_t rows, int64_t inner, const float* a, int64_t a_row, int64_t a_inner, const float* b, int64_t b_row, float* c,
    int64_t c_row
) {
    int64_t r = 0;
    for (; r + TILE_ROWS <= rows; r += TILE_ROWS)
        multiply_tile<TILE_ROWS, VECTORS>(inner, a + r * a_row, a_row, a_inner, b, b_row, c + r * c_row, c_row);
    for (; r < rows; ++r) multiply_tile<1, VECTORS>(inner, a + r * a_row, a_row, a_inner, b, b_row, c + r * c_row, c_row);
}

inline void multiply(
    int64_t rows, int64_t inner, int64_t columns, const float* a, int64_t a_row, int64_t a_inner, const float* b,
    int64_t b_row, float* c, int64_t c_row
) {
    constexpr int64_t WIDE = TILE_VECTORS * LANES;
    int64_t v = 0;
    for (; v + WIDE <= columns; v += WIDE)
        multiply_rows<TILE_VECTORS>(rows, inner, a, a_row, a_inner, b + v, b_row, c + v, c_row);
    for (; v < columns; v += LANES) multiply_rows<1>(rows, inner, a, a_row, a_inner, b + v, b_row, c + v, c_row);
}

// Hands out parts of a thread's scratch.
struct Scratch {
    float* next;

    float* take(int64_t rows, int64_t columns) {
        float* place = next;
        next += rows * columns;
        return place;
    }
};

// Copies rows of a view into scratch, features padded with zeros.
template <class T>
inline void gather(const View<const T>& view, int64_t b, int64_t h, int64_t rows, int64_t features, float* to) {
    const int64_t width = padded(features);
    for (int64_t t = 0; t < rows; ++t) {
        const T* from = view.row(b, h, t);
        int64_t i = 0;
        for (; i + LANES <= features; i += LANES) store(to + t * width + i, load(from + i));
        if (i < features) {
            store(to + t * width + i, load(from + i, features - i));
            i += LANES;
        }
        for (; i < width; i += LANES) store(to + t * width + i, Floats{});
    }
}

template <class T>
inline void scatter(const View<T>& view, int64_t b, int64_t h, int64_t rows, int64_t features, const float* from) {
    const int64_t width = padded(features);
    for (int64_t t = 0; t < rows; ++t) {
        T* to = view.row(b, h, t);
        int64_t i = 0;
        for (; i + LANES <= features; i += LANES) store(to + i, load(from + t * width + i));
        if (i < features) store(to + i, load(from + t * width + i), features - i);
    }
}

// Copies rows of a view into the columns of scratch; beyond the last row the columns hold zeros.
template <class T>
inline void gather_columns(
    const View<const T>& view, int64_t b, int64_t h, int64_t rows, int64_t features, float* to, int64_t to_row
) {
    for (int64_t first = 0; first < to_row; first += LANES)
        for (int64_t c = 0; c < features; c += LANES) {
            const int64_t width = features - c < LANES ? features - c : LANES;
            Floats block[LANES];
            for (int64_t r = 0; r < LANES; ++r) {
                const T* from = view.row(b, h, first + r) + c;
                block[r] = first + r >= rows ? Floats{} : width == LANES ? load(from) : load(from, width);
            }
            transpose(block);
            for (int64_t i = 0; i < width; ++i) store(to + (c + i) * to_row + first, block[i]);
        }
}

// What each key adds to every score: nothing, or minus infinity where the mask says so and where there is no key.
inline void block(const AttentionSizes& sizes, int64_t b, float* blocked, int64_t width) {
    for (int64_t s = 0; s < width; ++s) {
        const bool open = s < sizes.keys && !(sizes.mask && !sizes.mask[b * sizes.keys + s]);
        blocked[s] = open ? 0.0f : -INFINITY;
    }
}

// What a query sees of its scores: minus infinity where it may not look.
struct Sight {
    const float* blocked;
    int64_t seen;  // keys up to which causality lets it look

    Sight(const AttentionSizes& sizes, const float* blocked, int64_t t, int64_t width)
        : blocked(blocked), seen(sizes.causal ? sizes.keys - sizes.queries + t + 1 : width) {}

    Floats operator()(int64_t s, const float* scores) const {
        const Floats open = load(scores + s) + load(blocked + s);
        if (s + LANES <= seen) return open;
        Ints place;
        for (int lane = 0; lane < LANES; ++lane) place[lane] = lane;
        return place < static_cast<int32_t>(seen - s) ? open : all(-INFINITY);
    }
};

// Turns a row of scores into the weights of a query, dropped out, in `to`, which may be the row. `peak` keeps, for the
// way back, the highest score and 1 / the sum of exponentials below it.
template <class T>
inline void weigh(
    const AttentionSizes& sizes, const float* blocked, int64_t piece, int64_t t, float* row, int64_t width, T* to,
    float* peak
) {
    const Sight sight(sizes, blocked, t, width);
    Floats most = all(-INFINITY), total{};
    for (int64_t s = 0; s < width; s += LANES) most = larger(most, sight(s, row));
    peak[0] = largest(most);
    for (int64_t s = 0; s < width; s += LANES) {
        const Floats weight = exponential_for(to, (sight(s, row) - peak[0]) * sizes.scale);
        store(row + s, weight);
        total += weight;
    }
    peak[1] = 1.0f / sum(total);
    const int64_t first = (piece * sizes.queries + t) * sizes.keys;
    for (int64_t s = 0; s < width; s += LANES)
        store(to + s, dropped(sizes.dropout, first + s, load(row + s)) * peak[1]);
}

// The way back: a row of scores, and of gradients of what was read, become the weights, dropped out, in `weights`, and
// the gradients of the scores in `bends`, which may be `slope`.
template <class T>
inline void bend(
    const AttentionSizes& sizes, const float* blocked, int64_t piece, int64_t t, float* row, float* slope,
    int64_t width, const float* peak, T* weights, T* bends
) {
    const Sight sight(sizes, blocked, t, width);
    const int64_t first = (piece * sizes.queries + t) * sizes.keys;
    Floats total{};
    for (int64_t s = 0; s < width; s += LANES) {
        const Floats weight = exponential_for(weights, (sight(s, row) - peak[0]) * sizes.scale) * peak[1];
        const Floats d = dropped(sizes.dropout, first + s, load(slope + s));
        store(row + s, weight);
        store(slope + s, d);
        store(weights + s, dropped(sizes.dropout, first + s, weight));
        total += weight * d;
    }
    const float mean = sum(total);
    for (int64_t s = 0; s < width; s += LANES)
        store(bends + s, load(row + s) * (load(slope + s) - mean) * sizes.scale);
}

// `peaks` has two numbers for each query of each head.
template <class T>
void attention_forward(
    const AttentionSizes& sizes, const View<const T>& q, const View<const T>& k, const View<const T>& v,
    const View<T>& out, float* peaks
) {
    const int64_t queries = sizes.queries, keys = sizes.keys, features = sizes.features;
    const int64_t wide_keys = padded(keys), wide = padded(features);
    regard::each_piece(sizes.sentences * sizes.heads, [&](int64_t piece) {
        const int64_t b = piece / sizes.heads, h = piece % sizes.heads;
        Scratch own{regard::scratch((2 * queries + keys) * wide + (wide + queries + 1) * wide_keys)};
        float* blocked = own.take(1, wide_keys);
        block(sizes, b, blocked, wide_keys);
        float *q_rows = own.take(queries, wide), *v_rows = own.take(keys, wide), *context = own.take(queries, wide);
        float *k_columns = own.take(wide, wide_keys), *weights = own.take(queries, wide_keys);
        gather(q, b, h, queries, features, q_rows);
        gather(v, b, h, keys, features, v_rows);
        gather_columns(k, b, h, keys, features, k_columns, wide_keys);
        multiply(queries, features, wide_keys, q_rows, wide, 1, k_columns, wide_keys, weights, wide_keys);
        for (int64_t t = 0; t < queries; ++t) {
            float* row = weights + t * wide_keys;
            weigh(sizes, blocked, piece, t, row, wide_keys, row, peaks + 2 * (piece * queries + t));
        }
        multiply(queries, keys, wide, weights, wide_keys, 1, v_rows, wide, context, wide);
        scatter(out, b, h, queries, features, context);
    });
}

template <class T>
void attention_backward(
    const AttentionSizes& sizes, const View<const T>& q, const View<const T>& k, const View<const T>& v,
    const View<const T>& grad, const float* peaks, const View<T>& grad_q, const View<T>& grad_k, const View<T>& grad_v
) {
    const int64_t queries = sizes.queries, keys = sizes.keys, features = sizes.features;
    const int64_t wide_keys = padded(keys), wide = padded(features);
    regard::each_piece(sizes.sentences * sizes.heads, [&](int64_t piece) {
        const int64_t b = piece / sizes.heads, h = piece % sizes.heads;
        Scratch own{regard::scratch((3 * queries + 2 * keys) * wide + (wide + 3 * queries + 1) * wide_keys)};
        float* blocked = own.take(1, wide_keys);
        block(sizes, b, blocked, wide_keys);
        float *q_rows = own.take(queries, wide), *k_rows = own.take(keys, wide), *g_rows = own.take(queries, wide);
        float *columns = own.take(wide, wide_keys), *result = own.take(queries + keys, wide);
        float *weights = own.take(queries, wide_keys), *kept_weights = own.take(queries, wide_keys);
        float* slopes = own.take(queries, wide_keys);
        gather(q, b, h, queries, features, q_rows);
        gather(k, b, h, keys, features, k_rows);
        gather(grad, b, h, queries, features, g_rows);
        gather_columns(k, b, h, keys, features, columns, wide_keys);
        multiply(queries, features, wide_keys, q_rows, wide, 1, columns, wide_keys, weights, wide_keys);
        gather_columns(v, b, h, keys, features, columns, wide_keys);
        multiply(queries, features, wide_keys, g_rows, wide, 1, columns, wide_keys, slopes, wide_keys);
        for (int64_t t = 0; t < queries; ++t) {
            float *row = weights + t * wide_keys, *slope = slopes + t * wide_keys, *kept = kept_weights + t * wide_keys;
            bend(sizes, blocked, piece, t, row, slope, wide_keys, peaks + 2 * (piece * queries + t), kept, slope);
        }
        multiply(keys, queries, wide, kept_weights, 1, wide_keys, g_rows, wide, result, wide);
        scatter(grad_v, b, h, keys, features, result);
        multiply(queries, keys, wide, slopes, wide_keys, 1, k_rows, wide, result, wide);
        scatter(grad_q, b, h, queries, features, result);
        multiply(keys, queries, wide, slopes, 1, wide_keys, q_rows, wide, result, wide);
        scatter(grad_k, b, h, keys, features, result);
    });
}

}  // namespace INSTRUCTIONS
