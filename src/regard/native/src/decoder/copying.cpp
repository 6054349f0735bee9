// The source's own tokens among the logits: layers/copying.py says how. Scores of places are computed in float32.
#include <algorithm>
#include <cmath>

#include "forward.h"
#include "pack.h"
#include "search.h"

namespace regard::decoder {

// Makes keys of what was read and can be copied.
void Forward::make_copies(const std::vector<Source>& sources, int64_t rows) {
    const int64_t size = model_.d_model;
    linear(model_.copy_key, rows, x_, wide_.at(0), wide_.row, STORE);
    int64_t first = 0;
    for (const Source& source : sources) {
        Copies& copies = source.memory->copies;
        std::vector<int32_t> ids;
        std::vector<float> keys;
        for (int64_t place = 0; place < source.count; ++place) {
            if (source.ids[place] == PAD || source.ids[place] == UNK) continue;
            ids.push_back(source.ids[place]);
            keys.insert(keys.end(), wide_.at(first + place), wide_.at(first + place) + size);
        }
        first += source.count;
        const auto count = static_cast<int64_t>(ids.size());
        copies.keys.assign(packed_size(FLOAT32, count, size), 0);
        pack(FLOAT32, count, size, keys.data(), 0, copies.keys.data(), nullptr);
        copies.map = {size, count, copies.keys.data(), nullptr, nullptr};
        std::vector<int32_t> different = ids;
        std::sort(different.begin(), different.end());
        different.erase(std::unique(different.begin(), different.end()), different.end());
        const auto place_in = [](const std::vector<int32_t>& rising, int32_t id) {
            return static_cast<int32_t>(std::lower_bound(rising.begin(), rising.end(), id) - rising.begin());
        };
        for (const int32_t id : ids) copies.slots.push_back(place_in(different, id));
        if (source.few && !source.few->ids.empty())
            for (int32_t& id : different) id = place_in(source.few->ids, id);
        copies.outputs = std::move(different);
    }
}

// Finds, for every row of the last step, the logit that each token has by being copied.
void Forward::look_for_copies(const std::vector<Group>& groups) {
    const int64_t size = model_.d_model;
    const float scale = 1.0f / std::sqrt(static_cast<float>(size));
    linear(model_.copy_query, step_rows_, x_, wide_.at(0), wide_.row, STORE);
    queries_.resize((step_rows_ + 16) * size);  // products may look beyond the last
    for (int64_t r = 0; r < step_rows_; ++r)
        std::transform(wide_.at(r), wide_.at(r) + size, queries_.data() + r * size, [=](float x) { return x * scale; });
    int64_t most = 0, r = 0;
    for (const Group& group : groups) most = std::max(most, group.memory->copies.map.outputs);
    copied_.reserve(step_rows_, most);
    copies_.resize(step_rows_);
    for (const Group& group : groups) {
        const Copies& copies = group.memory->copies;
        const Inputs inputs{queries_.data() + r * size, nullptr, nullptr};
        kernels_.product(
            FLOAT32, copies.map, group.rows, inputs, 0, copies.map.outputs, copied_.at(r), copied_.row, STORE);
        for (int64_t i = 0; i < group.rows; ++i, ++r) {
            float* const scores = copied_.at(r);
            const float peak = *std::max_element(scores, scores + copies.map.outputs);
            sums_of_copies_.assign(copies.outputs.size(), 0.0f);
            for (int64_t place = 0; place < copies.map.outputs; ++place)
                sums_of_copies_[copies.slots[place]] += std::exp(scores[place] - peak);
            for (size_t slot = 0; slot < copies.outputs.size(); ++slot)
                scores[slot] = std::log(sums_of_copies_[slot]) + peak;
            copies_[r] = &copies;
        }
    }
}

// Adds up both ways to write a token, for the outputs from `first` to `last`.
void Forward::add_copies(int64_t row, int64_t first, int64_t last, int64_t& done, float* logits) {
    const Copies& copies = *copies_[row];
    const float* const copied = copied_.at(row);
    for (; done < static_cast<int64_t>(copies.outputs.size()) && copies.outputs[done] < last; ++done) {
        float& logit = logits[copies.outputs[done] - first];
        const float more = std::max(logit, copied[done]), less = std::min(logit, copied[done]);
        logit = more + std::log1p(std::exp(less - more));
    }
}

}  // namespace regard::decoder
