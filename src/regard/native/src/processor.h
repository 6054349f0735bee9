// What the processor and its system offer. They are asked here and not through `__builtin_cpu_supports`, which answers "no"
// to everything where the compiler brings a run-time library of its own, as ziglang does.
#pragma once

#if defined(__x86_64__)
#include <cpuid.h>

namespace regard {

struct Processor {
    bool avx2 = false, avx512 = false, vnni = false, bfloat16 = false;  // avx2: with FMA; avx512: with BW, DQ, VL and FMA

    Processor() {
        unsigned a, b, c, d, low, high;
        if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_FMA)) return;
        asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));  // registers that the system keeps for a process
        if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return;
        constexpr unsigned YMM = 0x6, ZMM = 0xE6, WIDE = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
        avx2 = (low & YMM) == YMM && (b & bit_AVX2);
        avx512 = avx2 && (low & ZMM) == ZMM && (b & WIDE) == WIDE;
        vnni = avx512 && (c & bit_AVX512VNNI);
        bfloat16 = avx512 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 5 & 1);  // older compilers have no name for it
    }
};

}  // namespace regard
#endif
