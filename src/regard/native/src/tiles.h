// Products of bfloat16 on AMX tiles: how operands are packed, and how blocks of sums are made.
#pragma once

#include "vector.h"

#if defined(__AMX_BF16__)
#include <immintrin.h>
#endif

namespace INSTRUCTIONS {

#if defined(__AMX_BF16__)

constexpr int64_t SIDE = 16;                 // rows of a tile, and columns of one of sums
constexpr int64_t DEPTH = 32;                // tokens that a tile holds
constexpr int64_t TILE = SIDE * DEPTH;       // entries of a tile
constexpr int64_t STEP = 2 * SIDE;           // rows, and columns, that are multiplied at a time

inline int64_t up(int64_t count, int64_t to) { return (count + to - 1) / to * to; }

// What has been written is in memory from here on: compilers do not know that tiles are loaded from there.
inline void written() { asm volatile("" ::: "memory"); }

// The tiles of this thread are ours for a while, and then again as they were: others use them too.
struct Tiles {
    alignas(64) uint8_t before[64];

    Tiles() {
        _tile_storeconfig(before);
        alignas(64) uint8_t ours[64] = {1};
        for (int tile = 0; tile < 8; ++tile) {
            ours[16 + 2 * tile] = 64;
            ours[48 + tile] = SIDE;
        }
        written();
        _tile_loadconfig(ours);
    }
    ~Tiles() {
        written();
        _tile_loadconfig(before);
    }
};

// Rows t and t + 1 in pairs, entry by entry.
inline __m512i paired(const BFloat16* at, int64_t row, int64_t left, __mmask16 columns) {
    if (left <= 0) return _mm512_setzero_si512();
    const __m512i even = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(columns, at));
    if (left == 1) return even;
    const __m512i odd = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(columns, at + row));
    return _mm512_or_si512(even, _mm512_slli_epi32(odd, 16));
}

// Packs a tile of up to 32 tokens and 16 columns: pairs of tokens down, columns across; or turned.
template <bool TURNED>
inline void pack(const BFloat16* from, int64_t row, int64_t tokens, int64_t columns, BFloat16* to) {
    const __mmask16 mask = columns < SIDE ? lower(columns) : static_cast<__mmask16>(0xFFFF);
    __m512i rows[SIDE];
    for (int64_t pair = 0; pair < SIDE; ++pair)
        rows[pair] = paired(from + 2 * pair * row, row, tokens - 2 * pair, mask);
    if (TURNED) transpose(rows);
    for (int64_t i = 0; i < SIDE; ++i) _mm512_storeu_si512(to + i * DEPTH, rows[i]);
}

// Packs rows `first` to `last` of a matrix, and zeros to a whole STEP, as the right side of a product with its transpose:
// its rows across, pairs of its columns down. There are `rows` of them; columns are a multiple of 32.
inline void pack_rows(
    const BFloat16* from, int64_t columns, int64_t first, int64_t last, int64_t rows, BFloat16* to
) {
    for (int64_t r = first; r < first + up(last - first, STEP); r += SIDE)
        for (int64_t c = 0; c < columns; c += DEPTH, to += TILE) {
            __m512i words[SIDE];
            for (int64_t i = 0; i < SIDE; ++i)
                words[i] = r + i < rows ? _mm512_loadu_si512(from + (r + i) * columns + c) : _mm512_setzero_si512();
            transpose(words);
            for (int64_t i = 0; i < SIDE; ++i) _mm512_storeu_si512(to + i * DEPTH, words[i]);
        }
}

// Copies rows `first` to `last` of a matrix, and zeros below to a whole STEP: the left side of a product, in the cache, by
// reads that the processor sees coming. Returns how many rows that makes.
inline int64_t copy_rows(const BFloat16* from, int64_t first, int64_t last, int64_t columns, BFloat16* to) {
    const int64_t size = (last - first) * columns, whole = up(last - first, STEP);
    memcpy(to, from + first * columns, size * sizeof(BFloat16));
    memset(to + size, 0, (whole * columns - size) * sizeof(BFloat16));
    return whole;
}

// The left side of a product: tiles of 16 rows and 32 columns, all distances in entries.
struct Left {
    const BFloat16* data;
    int64_t row, along, down;  // to the next row of a tile, to the tile beside it, to the one below
};

// A block of up to 2 x 2 tiles of sums: sums = start + left right, over `depth` tiles of each; right is packed in panels.
// `start` is null for zeros; its rows are `start_row` apart: 0 where all rows start alike. `meanwhile` is other work, which
// the processor does while the tiles multiply.
template <int DOWN, int ACROSS, class Meanwhile = void (*)()>
inline void multiply_tiles(
    int64_t depth, const Left& left, const BFloat16* right, int64_t panel, float* sums, int64_t row, const float* start,
    int64_t start_row, const Meanwhile& meanwhile = [] {}
) {
    written();
    if (start) {
        const float* below = start + SIDE * start_row;
        _tile_loadd(0, start, start_row * 4);
        if (ACROSS > 1) _tile_loadd(1, start + SIDE, start_row * 4);
        if (DOWN > 1) _tile_loadd(2, below, start_row * 4);
        if (DOWN > 1 && ACROSS > 1) _tile_loadd(3, below + SIDE, start_row * 4);
    } else {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    }
    for (int64_t k = 0; k < depth; ++k, right += TILE) {
        const BFloat16* at = left.data + k * left.along;
        _tile_loadd(4, at, left.row * 2);
        _tile_loadd(6, right, 64);
        _tile_dpbf16ps(0, 4, 6);
        if (ACROSS > 1) {
            _tile_loadd(7, right + panel, 64);
            _tile_dpbf16ps(1, 4, 7);
        }
        if (DOWN > 1) {
            _tile_loadd(5, at + left.down, left.row * 2);
            _tile_dpbf16ps(2, 5, 6);
        }
        if (DOWN > 1 && ACROSS > 1) _tile_dpbf16ps(3, 5, 7);
    }
    meanwhile();
    float* below = sums + SIDE * row;
    _tile_stored(0, sums, row * 4);
    if (ACROSS > 1) _tile_stored(1, sums + SIDE, row * 4);
    if (DOWN > 1) _tile_stored(2, below, row * 4);
    if (DOWN > 1 && ACROSS > 1) _tile_stored(3, below + SIDE, row * 4);
}

// sums (down x across tiles) = left right, where down and across are even.
inline void multiply_all(
    int64_t down, int64_t across, int64_t depth, const Left& left, const BFloat16* right, float* sums
) {
    const int64_t row = across * SIDE, panel = depth * TILE;
    for (int64_t d = 0; d < down; d += 2)
        for (int64_t a = 0; a < across; a += 2) {
            const Left here{left.data + d * left.down, left.row, left.along, left.down};
            float* to = sums + d * SIDE * row + a * SIDE;
            multiply_tiles<2, 2>(depth, here, right + a * panel, panel, to, row, nullptr, 0);
        }
}

#endif

}  // namespace INSTRUCTIONS
