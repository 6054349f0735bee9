// Beam search by the rules of regard/decoding/beam.py, whose words these are; a beam of one is greedy search.
#include <algorithm>
#include <cmath>

#include "search.h"

namespace regard::decoder {

namespace {

struct Candidate {
    int32_t parent, token;
    float log_prob, total;  // of the token; with all before
};

class Beam : public Search {
public:
    Beam(const Job& job, int64_t entries) : Search(job, entries, job.options.beams) {
        most_ = std::min(job.options.beams == 1 ? 1 : job.options.beams + 1, entries);
        reach_ = static_cast<float>(divisor(limit_ + 1));
        best_.assign(job.options.n_best, -INFINITY);
    }

    bool go_on(const Best* answers, const float*) override {
        const std::vector<Candidate> candidates = ranked(answers);
        const int64_t beams = job_.options.beams, free = beams - ended_;
        std::vector<bool> over(rows(), false);
        bool going = false;
        for (int64_t c = 0; c < static_cast<int64_t>(candidates.size()); ++c) {
            const Candidate& one = candidates[c];
            if (one.token != END) {
                going = going || may_grow();
            } else if (c < free) {
                over[one.parent] = true;
                trellis_.complete(nodes_[one.parent], &one.log_prob);
                count_in(one.total / static_cast<float>(divisor(step_ + 1)));
            }
        }
        if (!going) {
            for (int64_t r = 0; r < rows(); ++r)
                if (!over[r]) trellis_.complete(nodes_[r], nullptr);
            return false;
        }
        std::vector<int32_t> parents, tokens, nodes;
        totals_.clear();
        for (const Candidate& one : candidates) {
            if (one.token == END || !(one.total / reach_ > best_.back())) continue;
            if (static_cast<int64_t>(parents.size()) == beams - ended_) break;
            parents.push_back(one.parent);
            tokens.push_back(one.token);
            nodes.push_back(trellis_.add(nodes_[one.parent], one.token, one.log_prob));
            totals_.push_back(one.total);
        }
        if (parents.empty() && trellis_.found().empty())  // totals beyond all numbers: of weights that make no sense
            for (const int32_t node : nodes_) trellis_.complete(node, nullptr);
        follow(parents, tokens, std::move(nodes));
        return !parents.empty();
    }

private:
    double divisor(int64_t length) const {
        const Options& o = job_.options;
        if (o.length_kind == GNMT) return std::pow((5.0 + static_cast<double>(length)) / 6.0, o.length_alpha);
        if (o.length_kind == POWER) return std::pow(static_cast<double>(std::max<int64_t>(length, 1)), o.length_alpha);
        return 1.0;
    }

    // The best candidates, 2N at most: by log-probability, then by row, then by token.
    std::vector<Candidate> ranked(const Best* answers) const {
        std::vector<Candidate> all;
        for (int32_t r = 0; r < rows(); ++r) {
            if (answers[r].wanted >= 0) {
                const float lp = answers[r].wanted_value - answers[r].peak - std::log(answers[r].sum);
                if (lp > -INFINITY) all.push_back({r, answers[r].wanted, lp, totals_[r] + lp});
                continue;
            }
            for (int32_t i = 0; i < answers[r].found; ++i) {
                const float lp = log_prob(answers[r], i);
                if (lp > -INFINITY) all.push_back({r, answers[r].ids[i], lp, totals_[r] + lp});
            }
        }
        std::stable_sort(all.begin(), all.end(), [](const Candidate& a, const Candidate& b) { return a.total > b.total; });
        if (static_cast<int64_t>(all.size()) > 2 * job_.options.beams) all.resize(2 * job_.options.beams);
        return all;
    }

    // Counts in a hypothesis that ended.
    void count_in(float score) {
        ++ended_;
        best_.push_back(score);
        std::sort(best_.begin(), best_.end(), [](float a, float b) { return a > b; });
        best_.pop_back();
    }

    std::vector<float> totals_{0.0f}, best_;  // of the rows; scores of the n_best best that ended
    int64_t ended_ = 0;
    float reach_;  // the greatest divisor that a hypothesis can come to
};

}  // namespace

std::unique_ptr<Search> new_beam(const Job& job, int64_t entries) { return std::make_unique<Beam>(job, entries); }

}  // namespace regard::decoder
