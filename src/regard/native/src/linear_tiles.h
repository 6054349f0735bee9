// Linear maps of the same vectors, and the gradient of these vectors, on AMX tiles: for weights so small that they stay
// in the cache while all rows pass by.
#pragma once

#include <utility>

#include "products.h"
#include "table.h"

#if defined(__AMX_BF16__)

namespace INSTRUCTIONS {

constexpr int64_t PASSING = 64;    // rows that pass together
constexpr int64_t MOST_MAPS = 16;  // of the same vectors, as Python knows

// Blocks of STEP x STEP sums on their way out: each is written while tiles make the next.
struct Outgoing {
    float* blocks[2];
    int64_t rows = 0, row = 0;  // of the block that was made last: how many there are, and how far apart in `out`
    BFloat16* out = nullptr;

    explicit Outgoing(float* room) : blocks{room, room + STEP * STEP} {}
    static constexpr int64_t ROOM = 2 * STEP * STEP;

    float* next() const { return blocks[1]; }
    void made(int64_t rows_left, BFloat16* to, int64_t apart) {
        std::swap(blocks[0], blocks[1]);
        rows = rows_left < STEP ? rows_left : STEP, out = to, row = apart;
    }
    void write() const {
        for (int64_t i = 0; i < rows; ++i)
            for (int64_t c = 0; c < STEP; c += LANES) store(out + i * row + c, load(blocks[0] + i * STEP + c));
    }
};

// Sizes are multiples of STEP, but for the number of tokens. `room` holds the packed weights.
inline void linear_forward(
    int64_t tokens, int64_t columns, const BFloat16* x, int64_t count, const regard::LinearMap* maps, float* room
) {
    BFloat16* packed = reinterpret_cast<BFloat16*>(room);
    for (int64_t p = 0, before = 0; p < count; before += maps[p++].rows)
        regard::each_range(maps[p].rows, PASSING, [&](int64_t first, int64_t last, int64_t) {
            const BFloat16* weight = static_cast<const BFloat16*>(maps[p].weight);
            pack_rows(weight, columns, first, last, last, packed + (before + first) * columns);
        });
    regard::each_range(tokens, PASSING, [&](int64_t first, int64_t last, int64_t) {
        float *room = regard::scratch(Outgoing::ROOM + STEP + PASSING * columns / 2), *start = room + Outgoing::ROOM;
        BFloat16* rows = reinterpret_cast<BFloat16*>(start + STEP);
        const BFloat16* right = packed;
        copy_rows(x, first, last, columns, rows);
        Outgoing outgoing(room);
        const Tiles tiles;
        for (int64_t p = 0; p < count; ++p)
            for (int64_t n = 0; n < maps[p].rows; n += STEP, right += STEP * columns) {
                const BFloat16* bias = static_cast<const BFloat16*>(maps[p].bias);
                for (int64_t i = 0; i < STEP; i += LANES) store(start + i, bias ? load(bias + n + i) : Floats{});
                for (int64_t r = first; r < last; r += STEP) {
                    const Left left{rows + (r - first) * columns, columns, DEPTH, SIDE * columns};
                    multiply_tiles<2, 2>(
                        columns / DEPTH, left, right, SIDE * columns, outgoing.next(), STEP, start, 0,
                        [&] { outgoing.write(); });
                    BFloat16* out = static_cast<BFloat16*>(maps[p].out);
                    outgoing.made(last - r, out + r * maps[p].rows + n, maps[p].rows);
                }
            }
        outgoing.write();
    });
}

// grad_x = the sum over all maps of their gradients times their weights.
inline void vectors_backward(
    int64_t tokens, int64_t columns, BFloat16* grad_x, int64_t count, const regard::LinearMap* maps, float* room
) {
    BFloat16* packed = reinterpret_cast<BFloat16*>(room);
    int64_t before = 0;
    for (int64_t p = 0; p < count; before += maps[p++].rows) {
        const BFloat16* weight = static_cast<const BFloat16*>(maps[p].weight);
        const int64_t rows = maps[p].rows;
        regard::each_range(columns, PASSING, [&](int64_t first, int64_t last, int64_t) {
            BFloat16* to = packed + before * columns + first * rows;
            for (int64_t c = first; c < last; c += SIDE)
                for (int64_t n = 0; n < rows; n += DEPTH, to += TILE)
                    pack<false>(weight + n * columns + c, columns, DEPTH, SIDE, to);
        });
    }
    regard::each_range(tokens, PASSING, [&](int64_t first, int64_t last, int64_t) {
        float* room = regard::scratch(Outgoing::ROOM + PASSING * before / 2);
        BFloat16* copy = reinterpret_cast<BFloat16*>(room + Outgoing::ROOM);
        const BFloat16* grads[MOST_MAPS];
        for (int64_t p = 0; p < count; copy += PASSING * maps[p++].rows) {
            grads[p] = copy;
            copy_rows(static_cast<const BFloat16*>(maps[p].out), first, last, maps[p].rows, copy);
        }
        Outgoing outgoing(room);
        const Tiles tiles;
        for (int64_t c = 0; c < columns; c += STEP)
            for (int64_t r = first; r < last; r += STEP) {
                const BFloat16* map = packed;
                for (int64_t p = 0; p < count; map += maps[p++].rows * columns) {
                    const int64_t rows = maps[p].rows;
                    const Left left{grads[p] + (r - first) * rows, rows, DEPTH, SIDE * rows};
                    float* sums = outgoing.next();
                    multiply_tiles<2, 2>(
                        rows / DEPTH, left, map + c * rows, SIDE * rows, sums, STEP, p ? sums : nullptr, STEP, [&] {
                            if (p == 0) outgoing.write();
                        });
                }
                outgoing.made(last - r, grad_x + r * columns + c, columns);
            }
        outgoing.write();
    });
}

inline int64_t linear_room(int64_t columns, int64_t count, const regard::LinearMap* maps) {
    int64_t packed = 0, most = 0;
    for (int64_t p = 0; p < count; ++p) {
        const int64_t sums = matrix_room(maps[p].rows, columns);
        packed += maps[p].rows * columns / 2;
        most = most < sums ? sums : most;
    }
    return most < packed ? packed : most;
}

// The gradients of weights and biases, and of x unless `grad_x` is null.
inline void linear_backward(
    int64_t tokens, int64_t columns, BFloat16* grad_x, const BFloat16* x, int64_t count, const regard::LinearMap* maps,
    float* room
) {
    if (grad_x) vectors_backward(tokens, columns, grad_x, count, maps, room);
    for (int64_t p = 0; p < count; ++p)
        matrix_backward(
            tokens, maps[p].rows, columns, static_cast<BFloat16*>(maps[p].sums),
            static_cast<BFloat16*>(maps[p].bias_sums), static_cast<const BFloat16*>(maps[p].out), x, room);
}

}  // namespace INSTRUCTIONS

#endif
