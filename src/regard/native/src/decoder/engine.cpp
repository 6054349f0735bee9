#include "engine.h"

#include <algorithm>
#include <chrono>
#include <new>

namespace regard::decoder {

constexpr int64_t READ = 512;  // source tokens that are read at a time, unless a single sentence has more

Engine::Engine(const Model& model, const Kernels& kernels, int64_t workers, int64_t rows)
    : model_(model), kernels_(kernels), rows_(rows) {
    for (int64_t i = 0; i < workers; ++i) workers_.emplace_back([this] { work(); });
}

Engine::~Engine() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        closing_ = true;
    }
    came_.notify_all();
    for (std::thread& worker : workers_) worker.join();
}

int64_t Engine::submit(const Job& job) {
    auto ticket = std::make_unique<Ticket>(job, model_.logits.outputs);
    const std::lock_guard<std::mutex> lock(mutex_);
    Ticket* const waiting = ticket.get();
    waiting->number = next_++;
    tickets_.emplace(waiting->number, std::move(ticket));
    waiting_.push_back(waiting);
    came_.notify_one();
    return waiting->number;
}

int Engine::wait(int64_t number, double seconds, Answer* answer) {
    std::unique_lock<std::mutex> lock(mutex_);
    const auto found = tickets_.find(number);
    if (found == tickets_.end()) return -1;
    const Ticket& ticket = *found->second;
    done_.wait_for(lock, std::chrono::duration<double>(seconds), [&] { return ticket.state != Ticket::WAITING; });
    if (ticket.state != Ticket::DONE) return ticket.state == Ticket::FAILED ? -1 : 0;
    *answer = {static_cast<int64_t>(ticket.lengths.size()), ticket.lengths.data(), ticket.ended.data(),
               ticket.written.data(), ticket.log_probs.data()};
    return 1;
}

void Engine::release(int64_t number) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = tickets_.find(number);
    if (found == tickets_.end()) return;
    Ticket* const ticket = found->second.get();
    const auto place = std::find(waiting_.begin(), waiting_.end(), ticket);
    if (place != waiting_.end()) {
        waiting_.erase(place);
    } else if (ticket->state == Ticket::WAITING) {
        ticket->unwanted = true;  // a worker has it
        return;
    }
    tickets_.erase(found);
}

void Engine::work() {
    Forward forward(model_, kernels_);
    std::vector<Ticket*> active;
    while (true) {
        try {
            if (!fill(forward, active)) return;
            step(forward, active);
        } catch (const std::bad_alloc&) {
            for (Ticket* ticket : active) finish(ticket, false);
            active.clear();
        }
    }
}

// Takes sentences while there is room for their rows, and reads them; returns false when it is time to go.
bool Engine::fill(Forward& forward, std::vector<Ticket*>& active) {
    int64_t rows = 0, tokens = 0, old = 0;
    {
        std::unique_lock<std::mutex> lock(mutex_);
        drop_unwanted(active);
        for (const Ticket* ticket : active) rows += ticket->search->most_rows();
        old = static_cast<int64_t>(active.size());
        if (active.empty()) came_.wait(lock, [this] { return closing_ || !waiting_.empty(); });
        if (closing_) return false;
        while (!waiting_.empty()) {
            Ticket* const next = waiting_.front();
            const auto length = static_cast<int64_t>(next->ids.size());
            const bool first = active.empty();
            if (!first && (rows + next->search->most_rows() > rows_ || tokens + length > READ)) break;
            active.push_back(next);
            waiting_.pop_front();
            rows += next->search->most_rows();
            tokens += length;
        }
    }
    std::vector<Source> sources;
    for (auto i = old; i < static_cast<int64_t>(active.size()); ++i) {
        Ticket& ticket = *active[i];
        ticket.cache.rows = ticket.search->most_rows();
        Few* const few = model_.shortlist.common_count && !ticket.exact ? &ticket.few : nullptr;
        sources.push_back({ticket.ids.data(), static_cast<int64_t>(ticket.ids.size()), &ticket.memory, few});
    }
    if (!sources.empty()) forward.encode(sources);
    return true;
}

// Under the mutex.
void Engine::drop_unwanted(std::vector<Ticket*>& active) {
    const auto kept = std::remove_if(active.begin(), active.end(), [this](Ticket* ticket) {
        return ticket->unwanted && tickets_.erase(ticket->number);
    });
    active.erase(kept, active.end());
}

void Engine::step(Forward& forward, std::vector<Ticket*>& active) {
    std::vector<Group> groups;
    int64_t rows = 0;
    bool all_logits = false;
    for (Ticket* ticket : active) rows += ticket->search->rows();
    std::vector<Best> best(rows);
    rows = 0;
    for (Ticket* ticket : active) {
        Search& search = *ticket->search;
        search.ask(best.data() + rows);
        all_logits = all_logits || search.needs_logits();
        const Few* const few = ticket->few.ids.empty() ? nullptr : &ticket->few;
        groups.push_back({&ticket->memory, few, &ticket->cache, search.rows(), search.step(), search.tokens().data(),
                          search.ancestors(), search.ancestors_row()});
        rows += search.rows();
    }
    std::vector<float> logits(all_logits ? rows * model_.logits.outputs : 0);
    forward.step(groups);
    forward.best(groups, best, all_logits ? logits.data() : nullptr);
    int64_t first = 0;
    std::vector<Ticket*> going;
    for (Ticket* ticket : active) {
        const int64_t count = ticket->search->rows();
        const float* own = all_logits ? logits.data() + first * model_.logits.outputs : nullptr;
        if (ticket->search->go_on(best.data() + first, own))
            going.push_back(ticket);
        else
            finish(ticket, true);
        first += count;
    }
    active.swap(going);
}

// Makes the answer; nothing else is kept.
void Engine::finish(Ticket* ticket, bool whole) {
    if (whole)
        for (const Hypothesis& one : ticket->search->found()) {
            ticket->lengths.push_back(static_cast<int32_t>(one.ids.size()));
            ticket->ended.push_back(one.ended);
            ticket->written.insert(ticket->written.end(), one.ids.begin(), one.ids.end());
            ticket->log_probs.insert(ticket->log_probs.end(), one.log_probs.begin(), one.log_probs.end());
        }
    ticket->search.reset();
    ticket->memory = {};
    ticket->few = {};
    ticket->cache = {};
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        ticket->state = whole ? Ticket::DONE : Ticket::FAILED;
        if (ticket->unwanted) tickets_.erase(ticket->number);
    }
    done_.notify_all();
}

}  // namespace regard::decoder
