// Work in pieces, on the threads that the process already has.
//
// How work is cut depends on its size alone, so results are the same bit for bit whatever the number of threads.
#pragma once

#include <atomic>
#include <cstdint>

namespace regard {

// libgomp's entry point, taken from the process by whoever has it loaded: no second set of threads beside torch's.
using Parallel = void (*)(void (*work)(void*), void* data, unsigned threads, unsigned flags);

extern Parallel parallel;
extern int threads;

// Memory of the calling thread, until it asks again; 64-byte aligned. Here, and not a std::vector where it is used,
// because code from the standard library exists once for all instruction sets, in whichever was compiled first.
float* scratch(int64_t entries);

template <class Work>
struct Job {
    const Work& work;
    int64_t pieces;
    std::atomic<int64_t> next{0};

    static void run(void* data) {
        Job& job = *static_cast<Job*>(data);
        for (int64_t piece; (piece = job.next.fetch_add(1)) < job.pieces;) job.work(piece);
    }
};

// Calls work(piece) for every piece, each once.
template <class Work>
void each_piece(int64_t pieces, const Work& work) {
    Job<Work> job{work, pieces};
    const int64_t useful = pieces < threads ? pieces : threads;
    if (parallel && useful > 1)
        parallel(Job<Work>::run, &job, static_cast<unsigned>(useful), 0);
    else
        Job<Work>::run(&job);
}

// Calls work(first, last, piece) for ranges of `size` that cover 0 to `count`.
template <class Work>
void each_range(int64_t count, int64_t size, const Work& work) {
    each_piece((count + size - 1) / size, [&](int64_t piece) {
        const int64_t first = piece * size, last = first + size < count ? first + size : count;
        work(first, last, piece);
    });
}

}  // namespace regard
