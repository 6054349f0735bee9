// The library's face: which instruction sets it has, which of them this processor runs, and the kernels of one.
#include <cstdlib>
#include <cstring>
#include <memory>

#include "table.h"
#include "threads.h"

#if defined(__x86_64__)
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

#define EXPORTED __attribute__((visibility("default")))

extern "C" {

// Raised whenever a function or a struct changes: a library from another version of the package is refused.
EXPORTED int regard_version() { return 1; }

// `gomp_parallel` is libgomp's GOMP_parallel where the process has it, or null: then one thread does all the work.
EXPORTED void regard_use_threads(void* gomp_parallel, int count) {
    regard::parallel = reinterpret_cast<regard::Parallel>(gomp_parallel);
    regard::threads = count < 1 ? 1 : count;
}

// Whether this processor, and the system on it, can run a set that the library has.
EXPORTED int regard_runs(const char* name) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!strcmp(name, "avx512"))
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
    if (!strcmp(name, "avx2")) return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return !strcmp(name, "portable");
}

// The kernels of a set, or null if the library does not have it.
EXPORTED const regard::Table* regard_table(const char* name) {
#if defined(__x86_64__)
    if (!strcmp(name, "avx512")) return &avx512::table;
    if (!strcmp(name, "avx2")) return &avx2::table;
#endif
    return strcmp(name, "portable") ? nullptr : &portable::table;
}
}
