// One pass over all weights for what an optimizer does to each.
#pragma once

#include "elementwise.h"

namespace INSTRUCTIONS {

inline Floats root(Floats x) {
    Floats found;
    for (int lane = 0; lane < LANES; ++lane) found[lane] = __builtin_sqrtf(x[lane]);
    return found;
}

// Adam (Kingma & Ba 2015): `rate` is the step's, over 1 - beta1^step; `unbias` is 1 / sqrt(1 - beta2^step).
inline void adam(
    int64_t count, float* weights, float* mean, float* square, const float* grad, float rate, float beta1, float beta2,
    float unbias, float epsilon
) {
    each_vector(count, [&](int64_t i, auto width) {
        const Floats g = width.get(grad + i);
        const Floats m = width.get(mean + i) + (g - width.get(mean + i)) * (1.0f - beta1);
        const Floats s = width.get(square + i) * beta2 + g * g * (1.0f - beta2);
        width.put(mean + i, m);
        width.put(square + i, s);
        width.put(weights + i, width.get(weights + i) - rate * m / (root(s) * unbias + epsilon));
    });
}

}  // namespace INSTRUCTIONS
