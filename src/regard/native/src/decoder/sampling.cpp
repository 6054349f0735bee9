// Sampling by the rules of regard/decoding/sampling.py: every token is drawn, and the draw is a function of the seed, the
// sentence's key, the number of the sample, and the step.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "search.h"

namespace regard::decoder {

namespace {

// Philox 4x32-10 (Salmon et al. 2011, section 3.3): four words of a counter and a key.
void philox(uint32_t (&words)[4], uint64_t key) {
    auto key_0 = static_cast<uint32_t>(key), key_1 = static_cast<uint32_t>(key >> 32);
    for (int round = 0; round < 10; ++round) {
        const uint64_t product_0 = uint64_t{words[0]} * 0xD2511F53, product_1 = uint64_t{words[2]} * 0xCD9E8D57;
        words[0] = static_cast<uint32_t>(product_1 >> 32) ^ words[1] ^ key_0;
        words[1] = static_cast<uint32_t>(product_1);
        words[2] = static_cast<uint32_t>(product_0 >> 32) ^ words[3] ^ key_1;
        words[3] = static_cast<uint32_t>(product_0);
        key_0 += 0x9E3779B9;
        key_1 += 0xBB67AE85;
    }
}

class Sampling : public Search {
public:
    Sampling(const Job& job, int64_t entries) : Search(job, entries, job.options.n_best) {
        tokens_.assign(most_rows_, BOS);
        nodes_.assign(most_rows_, Trellis::ROOT);
        samples_.resize(most_rows_);
        std::iota(samples_.begin(), samples_.end(), 0);
        done_.resize(most_rows_);
    }

    bool needs_logits() const override { return true; }

    bool go_on(const Best* answers, const float* logits) override {
        std::vector<int32_t> parents, tokens, nodes, samples;
        for (int32_t r = 0; r < rows(); ++r) {
            const int32_t token = draw(answers[r], logits + r * entries_, samples_[r]);
            const float log_prob = logits[r * entries_ + std::max(token, 0)] - answers[r].peak - std::log(answers[r].sum);
            const bool ends = token == END;
            if (token < 0 || ends || !may_grow()) {
                trellis_.complete(nodes_[r], ends ? &log_prob : nullptr);
                done_[samples_[r]] = std::move(trellis_.found().back());
                continue;
            }
            parents.push_back(r);
            tokens.push_back(token);
            nodes.push_back(trellis_.add(nodes_[r], token, log_prob));
            samples.push_back(samples_[r]);
        }
        samples_ = std::move(samples);
        follow(parents, tokens, std::move(nodes));
        if (!parents.empty()) return true;
        trellis_.found() = std::move(done_);
        return false;
    }

private:
    // The token drawn for a row, or -1 if none may come.
    int32_t draw(const Best& best, const float* logits, int32_t sample) {
        if (best.wanted >= 0) return best.wanted;
        powers_.assign(entries_, 0.0f);
        float peak = -INFINITY;
        std::vector<bool> forbidden(entries_, false);
        for (int32_t i = 0; i < best.forbidden_count; ++i) forbidden[best.forbidden[i]] = true;
        for (int64_t v = 0; v < entries_; ++v)
            if (!forbidden[v]) peak = std::max(peak, logits[v]);
        if (!(peak > -INFINITY)) return -1;
        const auto temperature = static_cast<float>(job_.options.temperature);
        double total = 0.0;
        for (int64_t v = 0; v < entries_; ++v)
            if (!forbidden[v]) total += powers_[v] = std::exp((logits[v] - peak) / temperature);
        for (float& power : powers_) power = static_cast<float>(power / total);
        return inverse(likely_part(), uniform(sample));
    }

    // What may be drawn from: of the top_k likeliest (0: of all) the fewest that have at least the part top_p of their mass.
    std::vector<int32_t> likely_part() const {
        std::vector<int32_t> ids(entries_);
        std::iota(ids.begin(), ids.end(), 0);
        const Options& o = job_.options;
        if (!o.top_k && o.top_p >= 1.0) return ids;
        std::stable_sort(ids.begin(), ids.end(), [this](int32_t a, int32_t b) { return powers_[a] > powers_[b]; });
        if (o.top_k && o.top_k < entries_) ids.resize(o.top_k);
        if (o.top_p >= 1.0) return ids;
        double mass = 1.0, before = 0.0;
        if (o.top_k) mass = std::accumulate(ids.begin(), ids.end(), 0.0, [this](double s, int32_t v) { return s + powers_[v]; });
        size_t kept = 0;
        for (; kept < ids.size() && before < o.top_p * mass; ++kept) before += powers_[ids[kept]];
        ids.resize(std::max<size_t>(kept, 1));
        return ids;
    }

    // The token where the running sum of probabilities first exceeds the part `uniform` of its total.
    int32_t inverse(const std::vector<int32_t>& ids, float uniform) const {
        double total = 0.0, sum = 0.0;
        for (const int32_t id : ids) total += powers_[id];
        const float aim = uniform * static_cast<float>(total);
        int32_t last = ids.front();
        for (const int32_t id : ids) {
            sum += powers_[id];
            if (powers_[id] > 0.0f) last = id;
            if (static_cast<float>(sum) > aim) return id;
        }
        return last;
    }

    // A multiple of 2^-23 from 0 to below 1.
    float uniform(int32_t sample) const {
        const auto key = static_cast<uint64_t>(job_.key);
        uint32_t words[4] = {static_cast<uint32_t>(step_ / 4), static_cast<uint32_t>(sample),
                             static_cast<uint32_t>(key), static_cast<uint32_t>(key >> 32)};
        philox(words, job_.options.seed);
        return static_cast<float>(words[step_ % 4] >> 9) / 8388608.0f;
    }

    std::vector<int32_t> samples_;  // of the rows
    std::vector<Hypothesis> done_;
    std::vector<float> powers_;
};

}  // namespace

std::unique_ptr<Search> new_sampling(const Job& job, int64_t entries) { return std::make_unique<Sampling>(job, entries); }

}  // namespace regard::decoder
