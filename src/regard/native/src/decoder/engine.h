// Sentences in, hypotheses out: a queue, and workers that each decode many sentences side by side.
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "forward.h"
#include "search.h"

namespace regard::decoder {

// A sentence on its way. Until it is done a worker has it; `state` and `unwanted` are anyone's under the engine's mutex.
struct Ticket {
    Ticket(const Job& job, int64_t entries)
        : search(job.options.kind == SAMPLING ? new_sampling(job, entries) : new_beam(job, entries)),
          ids(job.ids, job.ids + job.count), exact(job.prefix_count || job.ends || job.options.kind == SAMPLING) {}

    int64_t number = 0;
    std::unique_ptr<Search> search;
    std::vector<int32_t> ids;
    bool exact;  // must think of all tokens
    Memory memory;
    Few few;
    Cache cache;
    enum { WAITING, DONE, FAILED } state = WAITING;
    bool unwanted = false;  // nobody waits for it any more
    std::vector<int32_t> lengths, written;
    std::vector<uint8_t> ended;
    std::vector<float> log_probs;
};

class Engine {
public:
    Engine(const Model& model, const Kernels& kernels, int64_t workers, int64_t rows);
    ~Engine();

    int64_t submit(const Job& job);
    // Waits for at most so long; returns 1 if the sentence is done, 0 if not yet, -1 if memory was short.
    int wait(int64_t number, double seconds, Answer* answer);
    void release(int64_t number);  // its answer is gone afterwards; it need not be done

private:
    void work();
    bool fill(Forward& forward, std::vector<Ticket*>& active);
    void step(Forward& forward, std::vector<Ticket*>& active);
    void drop_unwanted(std::vector<Ticket*>& active);
    void finish(Ticket* ticket, bool whole);

    Model model_;
    const Kernels& kernels_;
    const int64_t rows_;  // that a worker steps at a time, unless a single sentence has more
    std::mutex mutex_;
    std::condition_variable came_, done_;
    std::map<int64_t, std::unique_ptr<Ticket>> tickets_;
    std::deque<Ticket*> waiting_;
    int64_t next_ = 1;
    bool closing_ = false;
    std::vector<std::thread> workers_;
};

}  // namespace regard::decoder
