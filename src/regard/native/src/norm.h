// Norms over the last axis, and of sums with a branch that was dropped out, forwards and backwards. Rows are independent;
// gradients of scale and shift are summed first within pieces of rows and then over the pieces, in order.
#pragma once

#include <cmath>

#include "threads.h"
#include "vector.h"

namespace INSTRUCTIONS {

constexpr int64_t NORM_ROWS = 64;  // rows of a piece

// Calls body(i, width) for every vector of a row.
template <class Body>
inline void along(int64_t columns, const Body& body) {
    int64_t i = 0;
    for (; i + LANES <= columns; i += LANES) body(i, Whole{});
    if (i < columns) body(i, Part{columns - i});
}

// y = (x - mean) / deviation * weight + bias; without a bias the mean counts as zero: RMSNorm.
// `center` and `spread` keep each row's mean and 1 / deviation for the way back. With a branch, `total` becomes
// x + dropout(branch), and that is what is normalised.
template <class T>
void norm_forward(
    int64_t rows, int64_t columns, T* y, const T* x, const T* branch, T* total, const Mask& mask, const T* weight,
    const T* bias, float epsilon, float* center, float* spread
) {
    regard::each_range(rows, NORM_ROWS, [&](int64_t first, int64_t last, int64_t) {
        for (int64_t row = first; row < last; ++row) {
            const int64_t begin = row * columns;
            const T* in = (branch ? total : x) + begin;
            T* out = y + begin;
            if (branch)
                along(columns, [&](int64_t i, auto width) {
                    const Floats added = dropped(mask, begin + i, width.get(branch + begin + i));
                    width.put(total + begin + i, width.get(x + begin + i) + added);
                });
            float mean = 0.0f;
            if (bias) {
                Floats entries{};
                along(columns, [&](int64_t i, auto width) { entries += width.get(in + i); });
                mean = sum(entries) / columns;
            }
            Floats squares{};
            along(columns, [&](int64_t i, auto width) {
                const Floats value = width.get(in + i, mean) - mean;
                squares += value * value;
            });
            const float scale = 1.0f / std::sqrt(sum(squares) / columns + epsilon);
            along(columns, [&](int64_t i, auto width) {
                const Floats value = (width.get(in + i) - mean) * scale * width.get(weight + i);
                width.put(out + i, bias ? value + width.get(bias + i) : value);
            });
            center[row] = mean;
            spread[row] = scale;
        }
    });
}

// x is what was normalised. To its gradient `beside` is added, that of other uses of x, unless that is null. Where x was a
// sum, `grad_branch` becomes the gradient of the branch.
template <class T>
void norm_backward(
    int64_t rows, int64_t columns, T* grad_x, T* grad_branch, float* grad_weight, float* grad_bias, const T* grad,
    const T* beside, const Mask& mask, const T* x, const T* weight, const float* center, const float* spread
) {
    const int64_t pieces = (rows + NORM_ROWS - 1) / NORM_ROWS, sides = grad_bias ? 2 : 1;
    float* sums = regard::scratch(pieces * sides * columns);
    regard::each_range(rows, NORM_ROWS, [&](int64_t first, int64_t last, int64_t piece) {
        float* for_weight = sums + piece * sides * columns;
        float* for_bias = for_weight + columns;
        for (int64_t i = 0; i < sides * columns; ++i) for_weight[i] = 0.0f;
        for (int64_t row = first; row < last; ++row) {
            const T *g = grad + row * columns, *in = x + row * columns;
            const float mean = center[row], scale = spread[row];
            Floats along_x{}, along_all{};
            along(columns, [&](int64_t i, auto width) {
                const Floats d = width.get(g + i), value = (width.get(in + i) - mean) * scale;
                const Floats inner = d * width.get(weight + i);
                along_x += inner * value;
                along_all += inner;
                width.put(for_weight + i, width.get(for_weight + i) + d * value);
                if (grad_bias) width.put(for_bias + i, width.get(for_bias + i) + d);
            });
            const float towards_x = sum(along_x) / columns, towards_all = grad_bias ? sum(along_all) / columns : 0.0f;
            along(columns, [&](int64_t i, auto width) {
                const Floats value = (width.get(in + i) - mean) * scale;
                const Floats inner = width.get(g + i) * width.get(weight + i);
                const int64_t at = row * columns + i;
                Floats found = (inner - towards_all - value * towards_x) * scale;
                if (beside) found += width.get(beside + at);
                width.put(grad_x + at, found);
                if (grad_branch) width.put(grad_branch + at, dropped(mask, at, found));
            });
        }
    });
    for (int64_t i = 0; i < columns; ++i) {
        grad_weight[i] = 0.0f;
        if (grad_bias) grad_bias[i] = 0.0f;
    }
    for (int64_t piece = 0; piece < pieces; ++piece)
        for (int64_t i = 0; i < columns; ++i) {
            grad_weight[i] += sums[piece * sides * columns + i];
            if (grad_bias) grad_bias[i] += sums[(piece * sides + 1) * columns + i];
        }
}

}  // namespace INSTRUCTIONS
