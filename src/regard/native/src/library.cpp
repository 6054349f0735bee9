// The library's face: which instruction sets it has, which of them this processor runs, and the kernels of one.
#include <cstdlib>
#include <cstring>
#include <memory>

#if defined(WITH_AMX)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "processor.h"
#include "table.h"
#include "threads.h"

#if defined(__x86_64__)
#if defined(WITH_AMX)
namespace amx { extern const regard::Table table; }
#endif
namespace avx512 { extern const regard::Table table; }
namespace avx2 { extern const regard::Table table; }
#endif
namespace portable { extern const regard::Table table; }

namespace regard {

Parallel parallel = nullptr;
int threads = 1;

float* scratch(int64_t entries) {
    static thread_local std::unique_ptr<float, decltype(&std::free)> memory(nullptr, std::free);
    static thread_local int64_t size = 0;
    if (size < entries) {
        size = (2 * entries + 15) / 16 * 16;
        memory.reset(static_cast<float*>(std::aligned_alloc(64, size * sizeof(float))));
        if (!memory) std::abort();  // what is asked for is small beside the tensors that are already there
    }
    return memory.get();
}

}  // namespace regard

#if defined(WITH_AMX)
// Whether the processor has tiles and products of bfloat16, and Linux lets this process have them.
static bool tiles_allowed() {
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(d >> 22 & 1) || !(d >> 24 & 1)) return false;
    if (!__get_cpuid_count(7, 1, &a, &b, &c, &d) || !(a >> 5 & 1)) return false;
    constexpr long ask = 0x1023, tile_data = 18;  // ARCH_REQ_XCOMP_PERM
    return syscall(SYS_arch_prctl, ask, tile_data) == 0;
}
#endif

#define EXPORTED __attribute__((visibility("default")))

extern "C" {

// Raised whenever a function or a struct changes: a library from another version of the package is refused.
EXPORTED int regard_version() { return 7; }

// `gomp_parallel` is libgomp's GOMP_parallel where the process has it, or null: then one thread does all the work.
EXPORTED void regard_use_threads(void* gomp_parallel, int count) {
    regard::parallel = reinterpret_cast<regard::Parallel>(gomp_parallel);
    regard::threads = count < 1 ? 1 : count;
}

// Whether this processor, and the system on it, can run a set that the library has.
EXPORTED int regard_runs(const char* name) {
#if defined(__x86_64__)
    const regard::Processor here;
#if defined(WITH_AMX)
    if (!strcmp(name, "amx")) return here.avx512 && tiles_allowed();
#endif
    if (!strcmp(name, "avx512")) return here.avx512;
    if (!strcmp(name, "avx2")) return here.avx2;
#endif
    return !strcmp(name, "portable");
}

// The kernels of a set, or null if the library does not have it.
EXPORTED const regard::Table* regard_table(const char* name) {
#if defined(__x86_64__)
#if defined(WITH_AMX)
    if (!strcmp(name, "amx")) return &amx::table;
#endif
    if (!strcmp(name, "avx512")) return &avx512::table;
    if (!strcmp(name, "avx2")) return &avx2::table;
#endif
    return strcmp(name, "portable") ? nullptr : &portable::table;
}
}
