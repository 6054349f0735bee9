// What products leave behind in a table of weights: the gradient of a matrix, and that of the rows of an embedding.
#pragma once

#include "norm.h"
#include "tiles.h"

namespace INSTRUCTIONS {

// Adds to each row of `sums` the gradients of the tokens that it was looked up for. `order` lists the tokens by row,
// `rows` their rows in that order; a row is summed in float32 and by one thread.
template <class T>
void embedding_backward(
    int64_t tokens, int64_t columns, T* sums, const T* grad, const int64_t* rows, const int64_t* order
) {
    constexpr int64_t WIDTH = 8 * LANES;
    regard::each_range(tokens, 64, [&](int64_t first, int64_t last, int64_t) {
        while (first < last && first > 0 && rows[first] == rows[first - 1]) ++first;  // begun by the range before
        while (first < last) {
            int64_t end = first + 1;
            while (end < tokens && rows[end] == rows[first]) ++end;
            T* to = sums + rows[first] * columns;
            for (int64_t c = 0; c < columns; c += WIDTH) {
                float total[WIDTH];
                const int64_t width = columns - c < WIDTH ? columns - c : WIDTH;
                along(width, [&](int64_t i, auto part) { store(total + i, part.get(to + c + i)); });
                for (int64_t place = first; place < end; ++place) {
                    const T* from = grad + order[place] * columns + c;
                    along(width, [&](int64_t i, auto part) { store(total + i, load(total + i) + part.get(from + i)); });
                }
                along(width, [&](int64_t i, auto part) { part.put(to + c + i, load(total + i)); });
            }
            first = end;
        }
    });
}

#if defined(__AMX_BF16__)

// Adds up to 32 rows of up to 16 columns to `totals`.
inline void add_rows(const BFloat16* from, int64_t row, int64_t rows, int64_t columns, float* totals) {
    Floats total = load(totals);
    for (int64_t t = 0; t < rows && t < DEPTH; ++t)
        total += columns < SIDE ? load(from + t * row, columns) : load(from + t * row);
    store(totals, total);
}

constexpr int64_t SLICES = 8;            // of the tokens, each summed on its own: the same for any number of threads
constexpr int64_t PACKED = 16 * DEPTH;   // tokens that are packed at a time
constexpr int64_t BAND = 32 * SIDE;      // rows of a large matrix that are summed together
constexpr int64_t LARGE = 5 << 17;       // entries from which on a matrix is cut into bands, and not the tokens

// exact (rows x columns, padded to whole tiles) = gradT x over the tokens from `first` to `last`, for `rows` columns of
// grad; after it, `rows` sums of grad itself. Operands are packed in `packed`, with room for PACKED tokens of both.
inline void sum_of_products(
    int64_t first, int64_t last, int64_t rows, int64_t columns, const BFloat16* grad, int64_t grad_row,
    const BFloat16* x, float* exact, BFloat16* packed
) {
    constexpr int64_t panel = PACKED / DEPTH * TILE;
    const int64_t down = (rows + SIDE - 1) / SIDE, across = (columns + SIDE - 1) / SIDE, row = across * SIDE;
    float* totals = exact + down * SIDE * row;
    for (int64_t r = 0; r < down * SIDE; r += LANES) store(totals + r, Floats{});
    for (int64_t begin = first; begin < last; begin += PACKED) {
        int64_t depth = 0;
        for (int64_t t = begin; t < last && depth < PACKED / DEPTH; t += DEPTH, ++depth) {
            BFloat16* to = packed + depth * TILE;
            for (int64_t p = 0; p < down; ++p, to += panel) {
                const BFloat16* from = grad + t * grad_row + p * SIDE;
                pack<true>(from, grad_row, last - t, rows - p * SIDE, to);
                add_rows(from, grad_row, last - t, rows - p * SIDE, totals + p * SIDE);
            }
            for (int64_t p = 0; p < across; ++p, to += panel)
                pack<false>(x + t * columns + p * SIDE, columns, last - t, columns - p * SIDE, to);
        }
        for (int64_t d = 0; d < down; d += 2)
            for (int64_t a = 0; a < across; a += 2) {
                const Left left{packed + d * panel, DEPTH, TILE, panel};
                const BFloat16* right = packed + (down + a) * panel;
                float* block = exact + d * SIDE * row + a * SIDE;
                const float* start = begin == first ? nullptr : block;
                if (d + 1 < down && a + 1 < across)
                    multiply_tiles<2, 2>(depth, left, right, panel, block, row, start, row);
                else if (d + 1 < down)
                    multiply_tiles<2, 1>(depth, left, right, panel, block, row, start, row);
                else if (a + 1 < across)
                    multiply_tiles<1, 2>(depth, left, right, panel, block, row, start, row);
                else
                    multiply_tiles<1, 1>(depth, left, right, panel, block, row, start, row);
            }
    }
}

// Entries that `matrix_backward` needs for partial sums: none for a large matrix.
inline int64_t matrix_room(int64_t rows, int64_t columns) {
    const int64_t row = (columns + SIDE - 1) / SIDE * SIDE, tall = (rows + SIDE - 1) / SIDE * SIDE;
    return rows * columns > LARGE ? 0 : SLICES * tall * (row + 1);
}

// Adds gradT x to `sums` (rows x columns): grad (tokens x rows), x (tokens x columns); and to `bias`, unless it is null,
// the sum of grad over the tokens. Sums are in float32; where the matrix is not large they are made in `room`,
// for SLICES matrices padded to whole tiles, with a column more.
inline void matrix_backward(
    int64_t tokens, int64_t rows, int64_t columns, BFloat16* sums, BFloat16* bias, const BFloat16* grad,
    const BFloat16* x, float* room
) {
    const int64_t row = (columns + SIDE - 1) / SIDE * SIDE, tall = (rows + SIDE - 1) / SIDE * SIDE;
    if (rows * columns > LARGE) {
        regard::each_range(rows, BAND, [&](int64_t first, int64_t last, int64_t) {
            float* exact = regard::scratch(BAND * (row + 1) + (BAND + row) * PACKED / 2);
            const Tiles tiles;
            sum_of_products(
                0, tokens, last - first, columns, grad + first, rows, x, exact,
                reinterpret_cast<BFloat16*>(exact + BAND * (row + 1)));
            for (int64_t r = first; r < last; ++r)
                along(columns, [&](int64_t i, auto part) {
                    BFloat16* to = sums + r * columns + i;
                    part.put(to, part.get(to) + part.get(exact + (r - first) * row + i));
                });
            const float* totals = exact + (last - first + SIDE - 1) / SIDE * SIDE * row;
            if (bias)
                along(last - first, [&](int64_t i, auto part) {
                    part.put(bias + first + i, part.get(bias + first + i) + part.get(totals + i));
                });
        });
        return;
    }
    const int64_t slice = (tokens + SLICES * DEPTH - 1) / (SLICES * DEPTH) * DEPTH, used = (tokens + slice - 1) / slice;
    const int64_t size = tall * (row + 1);
    regard::each_range(tokens, slice, [&](int64_t first, int64_t last, int64_t piece) {
        const Tiles tiles;
        sum_of_products(
            first, last, rows, columns, grad, rows, x, room + piece * size,
            reinterpret_cast<BFloat16*>(regard::scratch((tall + row) * PACKED / 2)));
    });
    regard::each_range(rows, 16, [&](int64_t first, int64_t last, int64_t) {
        for (int64_t r = first; r < last; ++r)
            along(columns, [&](int64_t i, auto part) {
                Floats total = part.get(sums + r * columns + i);
                for (int64_t piece = 0; piece < used; ++piece) total += part.get(room + piece * size + r * row + i);
                part.put(sums + r * columns + i, total);
            });
    });
    if (bias)
        along(rows, [&](int64_t i, auto part) {
            Floats total = part.get(bias + i);
            for (int64_t piece = 0; piece < used; ++piece) total += part.get(room + piece * size + tall * row + i);
            part.put(bias + i, total);
        });
}

#endif

}  // namespace INSTRUCTIONS
