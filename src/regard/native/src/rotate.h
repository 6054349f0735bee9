// Rotary positions: pairs of neighbouring features turned by an angle that depends on the position (Su et al. 2021).
#pragma once

#include "attention.h"
#include "norm.h"

namespace INSTRUCTIONS {

// Neighbouring lanes in each other's place; the first of every pair twice; the second of every pair twice.
#if defined(__clang__)
#define PICK4(a, b, i) (i) + (a), (i) + (b), (i) + 2 + (a), (i) + 2 + (b)
#if defined(__AVX512F__) && defined(__AVX512BW__)
#define PICK(a, b) PICK4(a, b, 0), PICK4(a, b, 4), PICK4(a, b, 8), PICK4(a, b, 12)
#elif defined(__AVX2__)
#define PICK(a, b) PICK4(a, b, 0), PICK4(a, b, 4)
#else
#define PICK(a, b) PICK4(a, b, 0)
#endif
inline Floats swapped(Floats x) { return __builtin_shufflevector(x, x, PICK(1, 0)); }
inline Floats firsts(Floats x) { return __builtin_shufflevector(x, x, PICK(0, 0)); }
inline Floats seconds(Floats x) { return __builtin_shufflevector(x, x, PICK(1, 1)); }
#else
inline Ints lanes() {
    Ints found;
    for (int lane = 0; lane < LANES; ++lane) found[lane] = lane;
    return found;
}
inline Floats swapped(Floats x) { return __builtin_shuffle(x, lanes() ^ 1); }
inline Floats firsts(Floats x) { return __builtin_shuffle(x, lanes() & ~1); }
inline Floats seconds(Floats x) { return __builtin_shuffle(x, lanes() | 1); }
#endif

// `turns` holds cosine and sine in turn for each position and pair; `direction` 1 turns forwards, -1 back.
template <class T>
void rotate(
    int64_t sentences, int64_t heads, int64_t positions, int64_t features, const View<T>& out, const View<const T>& x,
    const float* turns, float direction
) {
    Floats sign;
    for (int lane = 0; lane < LANES; ++lane) sign[lane] = lane & 1 ? direction : -direction;
    regard::each_range(sentences * positions, 32, [&](int64_t begin, int64_t end, int64_t) {
        for (int64_t place = begin; place < end; ++place) {
            const int64_t b = place / positions, t = place % positions;
            for (int64_t h = 0; h < heads; ++h) {
                const T* from = x.row(b, h, t);
                T* to = out.row(b, h, t);
                along(features, [&](int64_t i, auto width) {
                    const Floats value = width.get(from + i), turn = width.get(turns + t * features + i);
                    width.put(to + i, value * firsts(turn) + swapped(value) * (seconds(turn) * sign));
                });
            }
        }
    });
}

}  // namespace INSTRUCTIONS
