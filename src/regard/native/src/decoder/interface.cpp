// The engine as plain C functions that Python calls.
#include <cstring>
#include <new>

#include "../processor.h"
#include "engine.h"
#include "pack.h"

#if defined(__x86_64__)
#if defined(WITH_AMX)
namespace amx { extern const regard::decoder::Kernels decoder_kernels; }
#endif
namespace avx512_bf16 { extern const regard::decoder::Kernels decoder_kernels; }
namespace avx512 { extern const regard::decoder::Kernels decoder_kernels; }
namespace avx2 { extern const regard::decoder::Kernels decoder_kernels; }
#endif
namespace portable { extern const regard::decoder::Kernels decoder_kernels; }

using namespace regard::decoder;

#if defined(WITH_AMX)
extern "C" int regard_runs(const char* name);

static bool multiplies_bytes_on_tiles() {
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d >> 25 & 1);
}
#endif

static const Kernels* kernels_of(const char* name) {
#if defined(__x86_64__)
#if defined(WITH_AMX)
    if (!strcmp(name, "amx")) return &amx::decoder_kernels;
#endif
    if (!strcmp(name, "avx512_bf16")) return &avx512_bf16::decoder_kernels;
    if (!strcmp(name, "avx512")) return &avx512::decoder_kernels;
    if (!strcmp(name, "avx2")) return &avx2::decoder_kernels;
#endif
    return strcmp(name, "portable") ? nullptr : &portable::decoder_kernels;
}

#define EXPORTED __attribute__((visibility("default")))

extern "C" {

EXPORTED int64_t regard_packed_size(int64_t precision, int64_t outputs, int64_t inputs) {
    return packed_size(precision, outputs, inputs);
}

EXPORTED void regard_pack(
    int64_t precision, int64_t outputs, int64_t inputs, const float* from, int64_t first, void* to, float* scales
) {
    pack(precision, outputs, inputs, from, first, to, scales);
}

EXPORTED void regard_round(int64_t count, const float* from, uint16_t* to) { round_to_bfloat16(count, from, to); }

// Whether this processor runs the kernels of a set that decoding has.
EXPORTED int regard_decodes(const char* name) {
#if defined(__x86_64__)
    const regard::Processor here;
    const bool bfloat16 = here.vnni && here.bfloat16;
#if defined(WITH_AMX)
    if (!strcmp(name, "amx")) return bfloat16 && regard_runs("amx") && multiplies_bytes_on_tiles();
#endif
    if (!strcmp(name, "avx512_bf16")) return bfloat16;
    if (!strcmp(name, "avx512")) return here.vnni;
    if (!strcmp(name, "avx2")) return here.avx2;
#endif
    return !strcmp(name, "portable");
}

// An engine, or null if memory is short. What the model points to must outlive it.
EXPORTED void* regard_engine(const Model* model, const char* set, int64_t workers, int64_t rows) {
    try {
        return new Engine(*model, *kernels_of(set), workers, rows);
    } catch (const std::exception&) {
        return nullptr;
    }
}

EXPORTED void regard_engine_close(void* engine) { delete static_cast<Engine*>(engine); }

// The number of a sentence to wait for, or -1 if memory is short.
EXPORTED int64_t regard_engine_submit(void* engine, const Job* job) {
    try {
        return static_cast<Engine*>(engine)->submit(*job);
    } catch (const std::bad_alloc&) {
        return -1;
    }
}

EXPORTED int regard_engine_wait(void* engine, int64_t number, double seconds, Answer* answer) {
    return static_cast<Engine*>(engine)->wait(number, seconds, answer);
}

EXPORTED void regard_engine_release(void* engine, int64_t number) { static_cast<Engine*>(engine)->release(number); }
}
