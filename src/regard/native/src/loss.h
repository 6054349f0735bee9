// Label-smoothed cross-entropy over logits that exist once in memory.
#pragma once

#include "norm.h"

namespace INSTRUCTIONS {

constexpr int64_t LOSS_ROWS = 8;

// Puts the sums of the rows' smoothed and plain losses in front of them.
inline void add_losses(int64_t rows, float* losses) {
    double smoothed = 0.0, plain = 0.0;
    for (int64_t row = 0; row < rows; ++row) {
        smoothed += losses[2 * row];
        plain += losses[2 * row + 1];
    }
    losses[0] = static_cast<float>(smoothed);
    losses[1] = static_cast<float>(plain);
}

// Every row's log of the sum of exponentials, and the sums of smoothed and plain loss over the rows that count;
// `losses` has room for two numbers per row and begins with the two sums in the end.
template <class T>
void cross_entropy_forward(
    int64_t rows, int64_t entries, const T* logits, const int64_t* targets, int64_t ignored, float smoothing,
    float* log_sums, float* losses
) {
    regard::each_range(rows, LOSS_ROWS, [&](int64_t first, int64_t last, int64_t) {
        for (int64_t row = first; row < last; ++row) {
            log_sums[row] = losses[2 * row] = losses[2 * row + 1] = 0.0f;
            if (targets[row] == ignored) continue;
            const T* in = logits + row * entries;
            Floats most = all(-INFINITY), total{}, weights{};
            along(entries, [&](int64_t i, auto width) {
                most = larger(most, width.get(in + i, -INFINITY));
                total += width.get(in + i);
            });
            const float peak = largest(most);
            along(entries, [&](int64_t i, auto width) {
                weights += exponential_for(in, width.get(in + i, -INFINITY) - peak);
            });
            const float log_sum = std::log(sum(weights)) + peak, right = at(in + targets[row]);
            log_sums[row] = log_sum;
            losses[2 * row] = log_sum - (1.0f - smoothing) * right - smoothing * (sum(total) / entries);
            losses[2 * row + 1] = log_sum - right;
        }
    });
    add_losses(rows, losses);
}

// Puts the gradient where the logits were: `factor` times that of the sum of the rows' smoothed losses.
template <class T>
void cross_entropy_backward(
    int64_t rows, int64_t entries, T* logits, const int64_t* targets, int64_t ignored, float smoothing, float factor,
    const float* log_sums
) {
    regard::each_range(rows, LOSS_ROWS, [&](int64_t first, int64_t last, int64_t) {
        for (int64_t row = first; row < last; ++row) {
            T* out = logits + row * entries;
            if (targets[row] == ignored) {
                along(entries, [&](int64_t i, auto width) { width.put(out + i, Floats{}); });
                continue;
            }
            const float even = factor * smoothing / entries;
            const float right = at(out + targets[row]);
            along(entries, [&](int64_t i, auto width) {
                width.put(out + i, exponential_for(out, width.get(out + i) - log_sums[row]) * factor - even);
            });
            const float there = std::exp(right - log_sums[row]) * factor - even - factor * (1.0f - smoothing);
            store(out + targets[row], all(there), 1);
        }
    });
}

}  // namespace INSTRUCTIONS
