#include "search.h"

#include <algorithm>
#include <cmath>

namespace regard::decoder {

int32_t Trellis::add(int32_t parent, int32_t token, float log_prob) {
    nodes_.push_back({parent, token, log_prob});
    return static_cast<int32_t>(nodes_.size()) - 1;
}

void Trellis::complete(int32_t node, const float* end_log_prob) {
    Hypothesis one{{}, {}, end_log_prob != nullptr};
    if (end_log_prob) one.log_probs.push_back(*end_log_prob);
    for (; node != ROOT; node = nodes_[node].parent) {
        one.ids.push_back(nodes_[node].token);
        one.log_probs.push_back(nodes_[node].log_prob);
    }
    std::reverse(one.ids.begin(), one.ids.end());
    std::reverse(one.log_probs.begin(), one.log_probs.end());
    found_.push_back(std::move(one));
}

std::vector<int32_t> Trellis::ids(int32_t node) const {
    std::vector<int32_t> ids;
    for (; node != ROOT; node = nodes_[node].parent) ids.push_back(nodes_[node].token);
    std::reverse(ids.begin(), ids.end());
    return ids;
}

Search::Search(const Job& job, int64_t entries, int64_t rows)
    : job_(job), prefix_(job.prefix, job.prefix + job.prefix_count), entries_(entries),
      limit_(std::max(job.limit, job.prefix_count)), most_rows_(rows) {
    if (job.ends) prefix_.push_back(END);
}

// What may not come after a row: PAD, BOS and UNK ever, EOS too soon, and what would repeat an n-gram.
void Search::forbid(int32_t node) {
    forbidden_.insert(forbidden_.end(), {PAD, BOS, UNK});
    if (step_ < job_.options.min_length) forbidden_.push_back(END);
    const int64_t n = job_.options.no_repeat;
    if (n < 1 || step_ < n) return;
    const std::vector<int32_t> written = trellis_.ids(node);
    const auto tail = written.end() - (n - 1);
    for (auto at = written.begin(); at + n <= written.end(); ++at)
        if (std::equal(tail, written.end(), at)) forbidden_.push_back(at[n - 1]);
}

void Search::ask(Best* asked) {
    const bool forced = step_ < static_cast<int64_t>(prefix_.size());
    forbidden_.clear();
    forbidden_ends_.clear();
    for (const int32_t node : nodes_) {
        if (!forced) forbid(node);
        forbidden_ends_.push_back(static_cast<int64_t>(forbidden_.size()));
    }
    values_.resize(rows() * most_);
    ids_.resize(rows() * most_);
    for (int64_t r = 0, first = 0; r < rows(); first = forbidden_ends_[r++]) {
        Best& best = asked[r];
        best = {};
        best.peak = best.bar = -INFINITY;
        best.most = static_cast<int32_t>(most_);
        best.values = values_.data() + r * most_;
        best.ids = ids_.data() + r * most_;
        best.forbidden = forbidden_.data() + first;
        best.forbidden_count = static_cast<int32_t>(forbidden_ends_[r] - first);
        best.wanted = forced ? prefix_[step_] : -1;
    }
    if (most_rows_ == 1) return;
    if (step_ >= room_) {  // each row's history gets more room
        const int64_t room = std::max<int64_t>(32, 2 * room_);
        std::vector<uint16_t> wider(most_rows_ * room);
        for (int64_t r = 0; r < rows(); ++r)
            std::copy_n(ancestors_.data() + r * room_, std::min(step_, room_), wider.data() + r * room);
        ancestors_.swap(wider);
        room_ = room;
    }
    for (int64_t r = 0; r < rows(); ++r) ancestors_[r * room_ + step_] = static_cast<uint16_t>(r);
}

float Search::log_prob(const Best& best, int32_t i) { return best.values[i] - best.peak - std::log(best.sum); }

void Search::follow(
    const std::vector<int32_t>& parents, const std::vector<int32_t>& tokens, std::vector<int32_t> nodes
) {
    ++step_;
    tokens_ = tokens;
    nodes_ = std::move(nodes);
    if (most_rows_ == 1) return;
    std::vector<uint16_t> next(most_rows_ * room_);
    for (size_t r = 0; r < parents.size(); ++r)
        std::copy_n(ancestors_.data() + parents[r] * room_, step_, next.data() + r * room_);
    ancestors_.swap(next);
}

}  // namespace regard::decoder
