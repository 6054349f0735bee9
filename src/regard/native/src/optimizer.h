// One pass over all weights for what an optimizer does to each.
#pragma once

#include "elementwise.h"
#include "norm.h"

namespace INSTRUCTIONS {

inline Floats root(Floats x) {
    Floats found;
    for (int lane = 0; lane < LANES; ++lane) found[lane] = __builtin_sqrtf(x[lane]);
    return found;
}

// Adam (Kingma & Ba 2015): `rate` is the step's, over 1 - beta1^step; `unbias` is 1 / sqrt(1 - beta2^step); `scale` is
// what the gradient is multiplied by. What the model works with is renewed if it is not the weights themselves.
template <class T>
inline void adam(
    int64_t count, float* weights, float* mean, float* square, const T* grad, T* working, float scale, float rate,
    float beta1, float beta2, float unbias, float epsilon
) {
    each_vector(count, [&](int64_t i, auto width) {
        const Floats g = width.get(grad + i) * scale;
        const Floats m = width.get(mean + i) + (g - width.get(mean + i)) * (1.0f - beta1);
        const Floats s = width.get(square + i) * beta2 + g * g * (1.0f - beta2);
        width.put(mean + i, m);
        width.put(square + i, s);
        const Floats w = width.get(weights + i) - rate * m / (root(s) * unbias + epsilon);
        width.put(weights + i, w);
        if (working) width.put(working + i, w);
    });
}

constexpr int64_t SUMMED = 1 << 14;  // entries of a piece

// The Euclidean norm; the squares of each piece of the vector are summed in float32, and the pieces in order.
template <class T>
double norm(int64_t count, const T* x) {
    const int64_t pieces = (count + SUMMED - 1) / SUMMED;
    float* sums = regard::scratch(pieces);
    regard::each_range(count, SUMMED, [&](int64_t first, int64_t last, int64_t piece) {
        Floats total{};
        along(last - first, [&](int64_t i, auto width) {
            const Floats value = width.get(x + first + i);
            total += value * value;
        });
        sums[piece] = sum(total);
    });
    double total = 0.0;
    for (int64_t piece = 0; piece < pieces; ++piece) total += sums[piece];
    return std::sqrt(total);
}

}  // namespace INSTRUCTIONS
