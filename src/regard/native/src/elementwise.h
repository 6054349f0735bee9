// Dropout, and activations with dropout behind them.
#pragma once

#include "threads.h"
#include "vector.h"

namespace INSTRUCTIONS {

constexpr int64_t PIECE = 1 << 14;  // entries that one thread takes at a time; a multiple of LANES

// Calls body(i, load, store) for every vector of the entries, the last one shorter.
template <class Body>
void each_vector(int64_t count, const Body& body) {
    regard::each_range(count, PIECE, [&](int64_t first, int64_t last, int64_t) {
        int64_t i = first;
        for (; i + LANES <= last; i += LANES) body(i, Whole{});
        if (i < last) body(i, Part{last - i});
    });
}

// out = dropout(x)
template <class T>
void dropout(int64_t count, T* out, const T* x, const Mask& mask) {
    each_vector(count, [&](int64_t i, auto width) { width.put(out + i, dropped(mask, i, width.get(x + i))); });
}

inline Floats sigmoid(Floats x) { return 1.0f / (1.0f + exponential(-x)); }

// The integral of the normal density up to x, within 1e-7 (Abramowitz & Stegun 1964, 7.1.26).
inline Floats normal_share(Floats x) {
    const Floats size = (x < 0.0f ? -x : x) * 0.70710678f;
    const Floats t = 1.0f / (1.0f + 0.3275911f * size);
    const Floats series =
        ((((1.061405429f * t - 1.453152027f) * t + 1.421413741f) * t - 0.284496736f) * t + 0.254829592f) * t;
    const Floats tail = 0.5f * series * exponential(-size * size);
    return x < 0.0f ? tail : 1.0f - tail;
}

// Activations: value and slope.
struct ReLU {
    static Floats value(Floats x) { return larger(x, Floats{}); }
    static Floats slope(Floats x) { return x > 0.0f ? all(1.0f) : Floats{}; }
};

struct GELU {
    static Floats value(Floats x) { return x * normal_share(x); }
    static Floats slope(Floats x) { return normal_share(x) + x * 0.39894228f * exponential(-0.5f * x * x); }
};

// out = dropout(activation(x))
template <class Activation, class T>
void activation_forward(int64_t count, T* out, const T* x, const Mask& mask) {
    each_vector(count, [&](int64_t i, auto width) {
        width.put(out + i, dropped(mask, i, Activation::value(width.get(x + i))));
    });
}

template <class Activation, class T>
void activation_backward(int64_t count, T* grad_x, const T* grad, const T* x, const Mask& mask) {
    each_vector(count, [&](int64_t i, auto width) {
        width.put(grad_x + i, dropped(mask, i, width.get(grad + i)) * Activation::slope(width.get(x + i)));
    });
}

// out = dropout(silu(gate) * x)
template <class T>
void swiglu_forward(int64_t count, T* out, const T* gate, const T* x, const Mask& mask) {
    each_vector(count, [&](int64_t i, auto width) {
        const Floats g = width.get(gate + i);
        width.put(out + i, dropped(mask, i, g * sigmoid(g) * width.get(x + i)));
    });
}

template <class T>
void swiglu_backward(int64_t count, T* grad_gate, T* grad_x, const T* grad, const T* gate, const T* x, const Mask& mask) {
    each_vector(count, [&](int64_t i, auto width) {
        const Floats g = width.get(gate + i), share = sigmoid(g), d = dropped(mask, i, width.get(grad + i));
        width.put(grad_x + i, d * g * share);
        width.put(grad_gate + i, d * width.get(x + i) * share * (1.0f + g * (1.0f - share)));
    });
}

}  // namespace INSTRUCTIONS
