// The greatest few logits of a row, and the sum of all exponentials, from logits that come in pieces.
#pragma once

#include <cmath>

#include "../norm.h"
#include "kernels.h"

namespace INSTRUCTIONS {

// Keeps a logit that exceeds the bar, behind those that are as great: they have lower ids.
inline void keep(decoder::Best& best, float value, int32_t id) {
    if (best.wanted >= 0) return;
    if (best.names) id = best.names[id];
    for (int32_t i = 0; i < best.forbidden_count; ++i)
        if (best.forbidden[i] == id) return;
    int32_t place = best.found < best.most ? best.found++ : best.most - 1;
    for (; place > 0 && best.values[place - 1] < value; --place) {
        best.values[place] = best.values[place - 1];
        best.ids[place] = best.ids[place - 1];
    }
    best.values[place] = value;
    best.ids[place] = id;
    if (best.found == best.most) best.bar = best.values[best.most - 1];
}

template <class Exponential>
inline void best_of(int64_t first, int64_t count, const float* logits, decoder::Best& best, const Exponential& power) {
    Floats peaks = all(-INFINITY), sums{};
    along(count, [&](int64_t i, auto part) { peaks = larger(peaks, part.get(logits + i, -INFINITY)); });
    const float peak = largest(peaks);
    if (peak > best.peak) {
        best.sum *= std::exp(best.peak - peak);
        best.peak = peak;
    }
    along(count, [&](int64_t i, auto part) { sums += power(part.get(logits + i, -INFINITY) - best.peak); });
    best.sum += sum(sums);
    if (best.wanted >= first && best.wanted < first + count) best.wanted_value = logits[best.wanted - first];
    if (!(peak > best.bar)) return;
    along(count, [&](int64_t i, auto part) {
        if (!(largest(part.get(logits + i, -INFINITY)) > best.bar)) return;
        const int64_t end = count - i < LANES ? count - i : LANES;
        for (int64_t lane = 0; lane < end; ++lane)
            if (logits[i + lane] > best.bar) keep(best, logits[i + lane], static_cast<int32_t>(first + i + lane));
    });
}

inline void best_logits(
    int64_t precision, int64_t first, int64_t count, const float* logits, decoder::Best& best
) {
    if (precision == decoder::FLOAT32)
        best_of(first, count, logits, best, [](Floats x) { return exponential(x); });
    else
        best_of(first, count, logits, best, [](Floats x) { return exponential_quick(x); });
}

}  // namespace INSTRUCTIONS
