// Attention over short sequences on AMX tiles: `attention.h` in bfloat16 products, one sentence and head at a time.
//
// Everything is padded to multiples of 32 with zeros, in a thread's scratch.
#pragma once

#include "attention.h"
#include "norm.h"
#include "tiles.h"

#if defined(__AMX_BF16__)

namespace INSTRUCTIONS {

inline int64_t whole(int64_t count) { return up(count, DEPTH); }

// A matrix of bfloat16 in scratch: `rows` x `width`, both multiples of 32.
struct Matrix {
    BFloat16* data;
    int64_t rows, width;

    Left left() const { return {data, width, DEPTH, SIDE * width}; }
};

// Hands out parts of a thread's scratch, whole cache lines each.
struct Room {
    float* next;

    float* floats(int64_t rows, int64_t width) {
        float* place = next;
        next += rows * width;
        return place;
    }
    Matrix matrix(int64_t rows, int64_t width) {
        return {reinterpret_cast<BFloat16*>(floats(rows, width / 2)), rows, width};
    }
};

inline void gather(const View<const BFloat16>& view, int64_t b, int64_t h, int64_t rows, int64_t features, Matrix to) {
    for (int64_t t = 0; t < to.rows; ++t)
        for (int64_t c = 0; c < to.width; c += DEPTH) {
            const int64_t left = t < rows ? features - c : 0;
            const __mmask32 some = left >= DEPTH ? ~0u : left > 0 ? (1u << left) - 1 : 0u;
            const __m512i row = some ? _mm512_maskz_loadu_epi16(some, view.row(b, h, t) + c) : _mm512_setzero_si512();
            _mm512_storeu_si512(to.data + t * to.width + c, row);
        }
}

inline void scatter(
    const View<BFloat16>& view, int64_t b, int64_t h, int64_t rows, int64_t features, const float* from, int64_t width
) {
    for (int64_t t = 0; t < rows; ++t)
        along(features, [&](int64_t i, auto part) { part.put(view.row(b, h, t) + i, part.get(from + t * width + i)); });
}

// The right side of a product with the transpose of `from`.
inline void pack_transpose(const Matrix& from, BFloat16* to) {
    pack_rows(from.data, from.width, 0, from.rows, from.rows, to);
}

// The right side of a product with `from`, or with TURNED the left side of one with its transpose.
template <bool TURNED>
inline void pack_all(const Matrix& from, BFloat16* to) {
    for (int64_t c = 0; c < from.width; c += SIDE)
        for (int64_t r = 0; r < from.rows; r += DEPTH, to += TILE)
            pack<TURNED>(from.data + r * from.width + c, from.width, DEPTH, SIDE, to);
}

inline Left turned(const BFloat16* packed, int64_t rows) { return {packed, DEPTH, TILE, rows / DEPTH * TILE}; }

// Whether tiles gain on what padding loses; as measured.
inline bool fits_tiles(const AttentionSizes& sizes) {
    const int64_t padded_pairs = whole(sizes.queries) * whole(sizes.keys);
    return sizes.queries >= 16 && sizes.keys >= 16 && sizes.queries * sizes.keys * sizes.features >= 16 * padded_pairs;
}

// Calls work(piece, sentence, head) for every head of every sentence, a few of them under one set-up of the tiles.
template <class Work>
inline void each_head(const AttentionSizes& sizes, const Work& work) {
    regard::each_range(sizes.sentences * sizes.heads, 4, [&](int64_t first, int64_t last, int64_t) {
        const Tiles tiles;
        for (int64_t piece = first; piece < last; ++piece) work(piece, piece / sizes.heads, piece % sizes.heads);
    });
}

inline void attention_forward_tiles(
    const AttentionSizes& sizes, const View<const BFloat16>& q, const View<const BFloat16>& k,
    const View<const BFloat16>& v, const View<BFloat16>& out, float* peaks
) {
    const int64_t queries = sizes.queries, keys = sizes.keys, features = sizes.features;
    const int64_t Q = whole(queries), K = whole(keys), D = whole(features);
    each_head(sizes, [&](int64_t piece, int64_t b, int64_t h) {
        Room own{regard::scratch((Q * D + 3 * K * D + Q * K) / 2 + D * K / 2 + (Q + 1) * K + Q * D)};
        float* blocked = own.floats(1, K);
        block(sizes, b, blocked, K);
        float *scores = own.floats(Q, K), *context = own.floats(Q, D);
        const Matrix q_rows = own.matrix(Q, D), k_rows = own.matrix(K, D), weights = own.matrix(Q, K);
        const Matrix packed = own.matrix(K, D), v_rows = own.matrix(K, D);
        gather(q, b, h, queries, features, q_rows);
        gather(k, b, h, keys, features, k_rows);
        gather(v, b, h, keys, features, v_rows);
        pack_transpose(k_rows, packed.data);
        multiply_all(Q / SIDE, K / SIDE, D / DEPTH, q_rows.left(), packed.data, scores);
        for (int64_t t = 0; t < queries; ++t)
            weigh(sizes, blocked, piece, t, scores + t * K, K, weights.data + t * K, peaks + 2 * (piece * queries + t));
        pack_all<false>(v_rows, packed.data);
        multiply_all(Q / SIDE, D / SIDE, K / DEPTH, weights.left(), packed.data, context);
        scatter(out, b, h, queries, features, context, D);
    });
}

inline void attention_backward_tiles(
    const AttentionSizes& sizes, const View<const BFloat16>& q, const View<const BFloat16>& k,
    const View<const BFloat16>& v, const View<const BFloat16>& grad, const float* peaks, const View<BFloat16>& grad_q,
    const View<BFloat16>& grad_k, const View<BFloat16>& grad_v
) {
    const int64_t queries = sizes.queries, keys = sizes.keys, features = sizes.features;
    const int64_t Q = whole(queries), K = whole(keys), D = whole(features), most = Q > K ? Q : K;
    each_head(sizes, [&](int64_t piece, int64_t b, int64_t h) {
        Room own{regard::scratch((2 * Q * D + 2 * K * D + 3 * Q * K + most * D) / 2 + (2 * Q + 1) * K + most * D)};
        float* blocked = own.floats(1, K);
        block(sizes, b, blocked, K);
        float *scores = own.floats(Q, K), *slopes = own.floats(Q, K), *result = own.floats(most, D);
        const Matrix q_rows = own.matrix(Q, D), g_rows = own.matrix(Q, D);
        const Matrix k_rows = own.matrix(K, D), v_rows = own.matrix(K, D);
        const Matrix weights = own.matrix(Q, K), bends = own.matrix(Q, K), left = own.matrix(Q, K);
        BFloat16* packed = own.matrix(most, D).data;
        gather(q, b, h, queries, features, q_rows);
        gather(k, b, h, keys, features, k_rows);
        gather(v, b, h, keys, features, v_rows);
        gather(grad, b, h, queries, features, g_rows);
        pack_transpose(k_rows, packed);
        multiply_all(Q / SIDE, K / SIDE, D / DEPTH, q_rows.left(), packed, scores);
        pack_transpose(v_rows, packed);
        multiply_all(Q / SIDE, K / SIDE, D / DEPTH, g_rows.left(), packed, slopes);
        for (int64_t t = 0; t < queries; ++t)
            bend(
                sizes, blocked, piece, t, scores + t * K, slopes + t * K, K, peaks + 2 * (piece * queries + t),
                weights.data + t * K, bends.data + t * K);
        for (int64_t t = queries; t < Q; ++t)
            for (int64_t s = 0; s < K; s += LANES) {
                store(weights.data + t * K + s, Floats{});
                store(bends.data + t * K + s, Floats{});
            }
        pack_all<true>(weights, left.data);
        pack_all<false>(g_rows, packed);
        multiply_all(K / SIDE, D / SIDE, Q / DEPTH, turned(left.data, Q), packed, result);
        scatter(grad_v, b, h, keys, features, result, D);
        pack_all<false>(k_rows, packed);
        multiply_all(Q / SIDE, D / SIDE, K / DEPTH, bends.left(), packed, result);
        scatter(grad_q, b, h, queries, features, result, D);
        pack_all<true>(bends, left.data);
        pack_all<false>(q_rows, packed);
        multiply_all(K / SIDE, D / SIDE, Q / DEPTH, turned(left.data, Q), packed, result);
        scatter(grad_k, b, h, keys, features, result, D);
    });
}

}  // namespace INSTRUCTIONS

#endif
