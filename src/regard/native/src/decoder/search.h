// Search for one sentence: what its rows read next, and what becomes of the logits.
#pragma once

#include <memory>
#include <vector>

#include "job.h"
#include "kernels.h"

namespace regard::decoder {

constexpr int32_t PAD = 0, BOS = 1, END = 2, UNK = 3;

struct Hypothesis {
    std::vector<int32_t> ids;
    std::vector<float> log_probs;
    bool ended;
};

// Every token that was written, with what it continued; hypotheses are read off backwards.
class Trellis {
public:
    static constexpr int32_t ROOT = -1;
    int32_t add(int32_t parent, int32_t token, float log_prob);
    void complete(int32_t node, const float* end_log_prob);
    std::vector<int32_t> ids(int32_t node) const;
    std::vector<Hypothesis>& found() { return found_; }

private:
    struct Node {
        int32_t parent, token;
        float log_prob;
    };
    std::vector<Node> nodes_;
    std::vector<Hypothesis> found_;
};

class Search {
public:
    Search(const Job& job, int64_t entries, int64_t rows);
    virtual ~Search() = default;

    int64_t most_rows() const { return most_rows_; }  // at any step
    int64_t rows() const { return static_cast<int64_t>(tokens_.size()); }
    int64_t step() const { return step_; }
    const std::vector<int32_t>& tokens() const { return tokens_; }
    const uint16_t* ancestors() const { return most_rows_ == 1 ? nullptr : ancestors_.data(); }
    int64_t ancestors_row() const { return room_; }
    virtual bool needs_logits() const { return false; }  // all of them, not the best alone

    // Says what is sought among the logits of each row; answers stay valid until the next step.
    void ask(Best* asked);

    // Goes on with what was found; returns false when nothing is left to go on with.
    virtual bool go_on(const Best* answers, const float* logits) = 0;

    std::vector<Hypothesis>& found() { return trellis_.found(); }

protected:
    // The log-probability of the i-th best token of a row.
    static float log_prob(const Best& best, int32_t i);
    bool may_grow() const { return step_ < limit_; }
    // Goes on with these rows: what each continues, and the node of its token.
    void follow(const std::vector<int32_t>& parents, const std::vector<int32_t>& tokens, std::vector<int32_t> nodes);

    Job job_;
    std::vector<int32_t> prefix_;
    int64_t entries_, limit_, most_rows_, most_ = 1, step_ = 0;
    std::vector<int32_t> tokens_{BOS}, nodes_{Trellis::ROOT};  // of the rows
    Trellis trellis_;

private:
    void forbid(int32_t node);

    int64_t room_ = 0;
    std::vector<uint16_t> ancestors_;
    std::vector<int32_t> forbidden_, ids_;
    std::vector<int64_t> forbidden_ends_;
    std::vector<float> values_;
};

std::unique_ptr<Search> new_beam(const Job& job, int64_t entries);
std::unique_ptr<Search> new_sampling(const Job& job, int64_t entries);

}  // namespace regard::decoder
