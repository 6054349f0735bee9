// Vectors of floats in the compiler's own terms: one source for every instruction set.
//
// This file and those that include it are compiled once for each set, inside a namespace of its name.
#pragma once

#include <cstdint>
#include <cstring>
#include <utility>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace INSTRUCTIONS {

#if defined(__AVX512F__) && defined(__AVX512BW__)
constexpr int LANES = 16;
#elif defined(__AVX2__)
constexpr int LANES = 8;
#else
constexpr int LANES = 4;
#endif

typedef float Floats __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef int32_t Ints __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef uint32_t Words __attribute__((vector_size(LANES * 4), aligned(4), may_alias));
typedef uint16_t Halves __attribute__((vector_size(LANES * 2), aligned(2), may_alias));

struct BFloat16 {
    uint16_t bits;
};

inline Floats all(float x) { return Floats{} + x; }

inline Floats load(const float* at) { return *reinterpret_cast<const Floats*>(at); }
inline void store(float* at, Floats x) { *reinterpret_cast<Floats*>(at) = x; }

inline Floats load(const BFloat16* at) {
    const Halves halves = *reinterpret_cast<const Halves*>(at);
    return (Floats)(__builtin_convertvector(halves, Words) << 16);
}

// Rounds to the nearest, ties to even, as everyone does.
inline void store(BFloat16* at, Floats x) {
#if defined(__AVX512BF16__)
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(at), (__m256i)_mm512_cvtneps_pbh((__m512)x));
    return;
#endif
    const Words bits = (Words)x;
    *reinterpret_cast<Halves*>(at) = __builtin_convertvector((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16, Halves);
}

// The first `count` entries of a vector, and zeros in the other lanes; `count` below LANES.
template <class T>
inline Floats load(const T* at, int64_t count) {
    T part[LANES] = {};
    memcpy(part, at, count * sizeof(T));
    return load(part);
}

template <class T>
inline void store(T* at, Floats x, int64_t count) {
    T part[LANES];
    store(part, x);
    memcpy(at, part, count * sizeof(T));
}

#if defined(__AVX512F__) && defined(__AVX512BW__)
inline __mmask16 lower(int64_t count) { return static_cast<__mmask16>((1u << count) - 1); }

template <>
inline Floats load(const float* at, int64_t count) {
    return (Floats)_mm512_maskz_loadu_ps(lower(count), at);
}
template <>
inline void store(float* at, Floats x, int64_t count) {
    _mm512_mask_storeu_ps(at, lower(count), (__m512)x);
}
template <>
inline Floats load(const BFloat16* at, int64_t count) {
    const __m256i halves = _mm256_maskz_loadu_epi16(lower(count), at);
    return (Floats)_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16);
}
template <>
inline void store(BFloat16* at, Floats x, int64_t count) {
    BFloat16 part[LANES];
    store(part, x);
    _mm256_mask_storeu_epi16(at, lower(count), _mm256_loadu_si256(reinterpret_cast<const __m256i*>(part)));
}

// Swaps rows and columns of 16 x 16 words.
inline void transpose(__m512i* m) {
    __m512i t[16];
    for (int i = 0; i < 16; i += 2) {
        t[i] = _mm512_unpacklo_epi32(m[i], m[i + 1]);
        t[i + 1] = _mm512_unpackhi_epi32(m[i], m[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        m[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
        m[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
        m[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
        m[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
    }
    for (int i = 0; i < 4; ++i) {
        t[i] = _mm512_shuffle_i32x4(m[i], m[i + 4], 0x88);
        t[i + 4] = _mm512_shuffle_i32x4(m[i], m[i + 4], 0xDD);
        t[i + 8] = _mm512_shuffle_i32x4(m[i + 8], m[i + 12], 0x88);
        t[i + 12] = _mm512_shuffle_i32x4(m[i + 8], m[i + 12], 0xDD);
    }
    for (int i = 0; i < 4; ++i) {
        m[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
        m[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xDD);
        m[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
        m[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xDD);
    }
}
#elif defined(__AVX2__)
inline __m256i lower(int64_t count) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

template <>
inline Floats load(const float* at, int64_t count) {
    return (Floats)_mm256_maskload_ps(at, lower(count));
}
template <>
inline void store(float* at, Floats x, int64_t count) {
    _mm256_maskstore_ps(at, lower(count), (__m256)x);
}
#endif

// Swaps rows and columns of LANES x LANES floats.
inline void transpose(Floats* rows) {
#if defined(__AVX512F__) && defined(__AVX512BW__)
    transpose(reinterpret_cast<__m512i*>(rows));
#else
    for (int r = 0; r < LANES; ++r)
        for (int c = 0; c < r; ++c) {
            const float kept = rows[r][c];
            rows[r][c] = rows[c][r];
            rows[c][r] = kept;
        }
#endif
}

// How much of a vector a place holds: all of it, or its first entries at the end of a row.
struct Whole {
    template <class T>
    Floats get(const T* at, float = 0.0f) const { return load(at); }
    template <class T>
    void put(T* at, Floats x) const { store(at, x); }
};

struct Part {
    int64_t count;
    static Ints first_lanes() {
        Ints lanes;
        for (int lane = 0; lane < LANES; ++lane) lanes[lane] = lane;
        return lanes;
    }
    template <class T>
    Floats get(const T* at, float filler = 0.0f) const {
        const Floats found = load(at, count);
        return filler == 0.0f ? found : first_lanes() < static_cast<int32_t>(count) ? found : all(filler);
    }
    template <class T>
    void put(T* at, Floats x) const { store(at, x, count); }
};

// Half of a vector, lane by lane. By way of memory, compilers keep what is summed up there and not in a register.
#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define PICK(x, lane) __builtin_shufflevector(x, x, (lane)...)
#endif
#endif
#if !defined(PICK)
#define PICK(x, lane) Half{reinterpret_cast<const float*>(&x)[lane]...}
#endif

// Folds a vector in halves until one number is left.
template <int COUNT>
struct Lanes {
    typedef float Vector __attribute__((vector_size(COUNT * 4), aligned(4), may_alias));
    typedef float Half __attribute__((vector_size(COUNT * 2), aligned(4), may_alias));

    template <class Join>
    static float fold(Vector x, const Join& join) {
        return halve(x, join, std::make_integer_sequence<int, COUNT / 2>{});
    }

    template <class Join, int... LANE>
    static float halve(Vector x, const Join& join, std::integer_sequence<int, LANE...>) {
        const Half low = PICK(x, LANE), high = PICK(x, LANE + COUNT / 2);
        return Lanes<COUNT / 2>::fold(join(low, high), join);
    }
};

template <>
struct Lanes<2> {
    typedef float Vector __attribute__((vector_size(8), aligned(4), may_alias));

    template <class Join>
    static float fold(Vector x, const Join& join) {
        Vector other = {x[1], x[0]};
        return join(x, other)[0];
    }
};

inline float sum(Floats x) {
    return Lanes<LANES>::fold(x, [](auto a, auto b) { return a + b; });
}

inline float largest(Floats x) {
    return Lanes<LANES>::fold(x, [](auto a, auto b) { return a < b ? b : a; });
}

// The larger of each two; a first one that is no number stays.
inline Floats larger(Floats x, Floats y) { return x < y ? y : x; }

// One entry, whatever its type.
inline float at(const float* place) { return *place; }
inline float at(const BFloat16* place) { return load(place, 1)[0]; }

// e to the x within 2e-7 of the value: 2 to the whole part, times a polynomial of what is left (Cody & Waite 1980).
inline Floats exponential(Floats x) {
    const Floats low = all(-86.0f), high = all(88.0f);  // below, numbers are so small that processors take long over them
    const Floats bounded = x < low ? low : (x > high ? high : x);
    const Floats shifted = bounded * 1.44269504f + 12582912.0f;  // 1.5 * 2^23 rounds to a whole number
    const Floats whole = shifted - 12582912.0f;
    const Floats rest = (bounded - whole * 0.693359375f) + whole * 2.12194440e-4f;
    Floats value = all(1.9875691500e-4f);
    value = value * rest + 1.3981999507e-3f;
    value = value * rest + 8.3334519073e-3f;
    value = value * rest + 4.1665795894e-2f;
    value = value * rest + 1.6666665459e-1f;
    value = value * rest + 5.0000001201e-1f;
    value = value * (rest * rest) + rest + 1.0f;
    const Ints power = __builtin_convertvector(whole, Ints);
    const Floats found = value * (Floats)((power + 127) << 23);
    return x < low ? Floats{} : found;
}

// e to the x, at most 1e38, within 1e-4 of the value: enough for what is rounded to bfloat16 afterwards.
inline Floats exponential_quick(Floats x) {
    const auto power_of_two = [](Floats rest) {
        return ((0.0551716566f * rest + 0.24261112f) * rest + 0.69326099f) * rest + 0.99992807f;
    };
#if defined(__AVX512F__)
    const __m512 exponent = (__m512)(x * 1.44269504f);
    const __mmask16 felt = _mm512_cmp_ps_mask(exponent, (__m512)all(-125.0f), _CMP_NLT_UQ);  // the others become zero
    const __m512 nearest = _mm512_roundscale_ps(exponent, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    return (Floats)_mm512_maskz_scalef_ps(felt, (__m512)power_of_two((Floats)exponent - (Floats)nearest), nearest);
#endif
    const Floats low = all(-86.0f);
    const Floats scaled = (x < low ? low : x) * 1.44269504f, shifted = scaled + 12582912.0f;
    const Floats whole = shifted - 12582912.0f, rest = scaled - whole;
    const Floats value = power_of_two(rest);
    const Floats found = value * (Floats)((__builtin_convertvector(whole, Ints) + 127) << 23);
    return x < low ? Floats{} : found;
}

// The one that fits the type of what it is for.
inline Floats exponential_for(const float*, Floats x) { return exponential(x); }
inline Floats exponential_for(const BFloat16*, Floats x) { return exponential_quick(x); }

// Bits that say which entries dropout keeps, from a pool of them; the others are scaled up.
struct Mask {
    const uint8_t* pool;  // null: keep all; 8 bytes longer than the last bit needs
    int64_t first;        // number of the bit of entry 0
    float scale;
};

// A vector's entries from `index` on: each kept entry as it is, each dropped one zero.
inline Floats kept(const Mask& mask, int64_t index, Floats x) {
    uint64_t bits;
    const int64_t at = mask.first + index;
    memcpy(&bits, mask.pool + (at >> 3), 8);
#if defined(__AVX512F__) && defined(__AVX512BW__)
    return (Floats)_mm512_maskz_mov_ps(static_cast<__mmask16>(bits >> (at & 7)), (__m512)x);
#endif
    Ints lanes;
    for (int lane = 0; lane < LANES; ++lane) lanes[lane] = 1 << lane;
    const Ints keep = ((Ints{} + static_cast<int32_t>((bits >> (at & 7)) & 0xFFFF)) & lanes) != 0;
    return (Floats)((Ints)x & keep);
}

inline Floats dropped(const Mask& mask, int64_t index, Floats x) {
    return mask.pool ? kept(mask, index, x) * mask.scale : x;
}

}  // namespace INSTRUCTIONS
