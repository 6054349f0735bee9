// Products of bytes or bfloat16 on AMX tiles: 32 rows by two panels at a time. Sums of bytes are whole numbers, so they
// are those of any other instruction set.
#pragma once

#include <type_traits>

#include "products.h"

#if defined(__AMX_INT8__)

namespace INSTRUCTIONS {

constexpr int64_t DOWN = 16;  // rows of a tile

// The tiles of this thread are ours for a while, and then again as they were.
struct Tiles {
    alignas(64) uint8_t before[64];

    Tiles() {
        _tile_storeconfig(before);
        alignas(64) uint8_t ours[64] = {1};
        for (int tile = 0; tile < 8; ++tile) {
            ours[16 + 2 * tile] = 64;
            ours[48 + tile] = DOWN;
        }
        asm volatile("" ::: "memory");  // compilers do not know that tiles are loaded from memory
        _tile_loadconfig(ours);
    }
    ~Tiles() {
        asm volatile("" ::: "memory");
        _tile_loadconfig(before);
    }
};

// Adds the product of tiles a and b to tile c; compilers want the numbers themselves.
#define TIMES(c, a, b)              \
    do                              \
        if constexpr (BYTES)        \
            _tile_dpbssd(c, a, b);  \
        else                        \
            _tile_dpbf16ps(c, a, b); \
    while (false)

// sums (TALL x 16 rows, WIDE panels, each panel's 16 sums of a row together) of the rows from `r` on and the panels from
// `panel` on.
template <class Sums, int TALL, int WIDE>
inline void multiply(const Product& p, int64_t r, int64_t panel, void* to) {
    constexpr bool BYTES = std::is_same_v<Sums, Ints>;
    auto* sums = static_cast<int32_t*>(to);
    const int8_t* left = static_cast<const int8_t*>(p.from.values) + r * p.depth;
    const int8_t* right = static_cast<const int8_t*>(p.map.weights) + panel * PANEL * p.depth;
    const int8_t* beside = right + PANEL * p.depth;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int64_t k = 0; k < p.depth; k += decoder::ALONG, right += 1024, beside += 1024) {
        _tile_loadd(4, left + k, p.depth);
        _tile_loadd(6, right, 64);
        TIMES(0, 4, 6);
        if (WIDE > 1) {
            _tile_loadd(7, beside, 64);
            TIMES(1, 4, 7);
        }
        if (TALL > 1) {
            _tile_loadd(5, left + DOWN * p.depth + k, p.depth);
            TIMES(2, 5, 6);
        }
        if (TALL > 1 && WIDE > 1) TIMES(3, 5, 7);
    }
#undef TIMES
    constexpr int64_t ROW = 2 * PANEL;
    _tile_stored(0, sums, ROW * 4);
    if (WIDE > 1) _tile_stored(1, sums + PANEL, ROW * 4);
    if (TALL > 1) _tile_stored(2, sums + DOWN * ROW, ROW * 4);
    if (TALL > 1 && WIDE > 1) _tile_stored(3, sums + DOWN * ROW + PANEL, ROW * 4);
}

template <class Sums, int TALL, int WIDE>
inline void tiled_block(const Product& p, int64_t r, int64_t rows, int64_t panel) {
    alignas(64) int32_t sums[2 * DOWN * 2 * PANEL];
    asm volatile("" ::: "memory");
    multiply<Sums, TALL, WIDE>(p, r, panel, sums);
    asm volatile("" ::: "memory");
    for (int64_t i = 0; i < rows; ++i)
        for (int64_t at = 0; at < WIDE * PANEL; at += LANES) {
            const int64_t output = panel * PANEL + at;
            Sums found;
            memcpy(&found, sums + i * 2 * PANEL + at, sizeof found);
            put(p, r + i, output, scaled(p, r + i, output, found, 0));
        }
}

// Inputs are read to whole tiles of rows: there is memory behind the last one.
template <class Sums>
inline void product_tiles(const Product& p, int64_t rows, int64_t first, int64_t last) {
    asm volatile("" ::: "memory");
    const Tiles tiles;
    for (int64_t panel = first; panel < last; panel += 2) {
        const bool two = panel + 1 < last;
        for (int64_t r = 0; r < rows; r += 2 * DOWN) {
            const int64_t left = rows - r < 2 * DOWN ? rows - r : 2 * DOWN;
            if (left > DOWN)
                two ? tiled_block<Sums, 2, 2>(p, r, left, panel) : tiled_block<Sums, 2, 1>(p, r, left, panel);
            else
                two ? tiled_block<Sums, 1, 2>(p, r, left, panel) : tiled_block<Sums, 1, 1>(p, r, left, panel);
        }
    }
}

}  // namespace INSTRUCTIONS

#endif
