// From hidden vectors to the best tokens: of all there are, or of those that a shortlist has for a sentence.
#include <algorithm>
#include <cstring>

#include "forward.h"

namespace regard::decoder {

// Finds the outputs that are thought of, and lays their weights together.
void Forward::think_of(const Source& source) {
    const Shortlist& list = model_.shortlist;
    const Linear& all = model_.logits;
    Few& few = *source.few;
    marks_.assign(all.outputs, 0);
    for (int64_t i = 0; i < list.common_count; ++i) marks_[list.common[i]] = 1;
    for (int64_t place = 0; place < source.count; ++place) {
        const int64_t begin = list.first[source.ids[place]], end = list.first[source.ids[place] + 1];
        if (begin == end) return;
        for (int64_t i = begin; i < end; ++i) marks_[list.listed[i]] = 1;
        if (model_.copy_key.weights) marks_[source.ids[place]] = 1;
    }
    for (int64_t id = 0; id < all.outputs; ++id)
        if (marks_[id]) few.ids.push_back(static_cast<int32_t>(id));
    const auto count = static_cast<int64_t>(few.ids.size());
    const int64_t whole = up(count, PANEL), bytes = depth(model_.precision, all.inputs);
    few.weights.resize(whole * bytes);
    few.scales.resize(all.scales ? whole : 0);
    few.bias.resize(all.bias ? whole : 0);
    for (int64_t i = 0; i < count; ++i) {
        const int64_t id = few.ids[i];
        const uint8_t* from = static_cast<const uint8_t*>(all.weights) + id / PANEL * PANEL * bytes + id % PANEL * 4;
        uint8_t* to = few.weights.data() + i / PANEL * PANEL * bytes + i % PANEL * 4;
        for (int64_t at = 0; at < PANEL * bytes; at += 4 * PANEL) std::memcpy(to + at, from + at, 4);
        if (all.scales) few.scales[i] = all.scales[id];
        if (all.bias) few.bias[i] = all.bias[id];
    }
    few.map = {all.inputs, count, few.weights.data(), all.scales ? few.scales.data() : nullptr,
               all.bias ? few.bias.data() : nullptr};
}

void Forward::best(const std::vector<Group>& groups, std::vector<Best>& rows, float* logits) {
    if (model_.copy_query.weights) look_for_copies(groups);
    kernels_.prepare(model_.precision, step_rows_, model_.logits.inputs, x_.at(0), x_.row, inputs_);
    int64_t r = 0, all = 0;  // rows before r are done, but for the last `all` of them
    for (const Group& group : groups) {
        if (group.few) {
            best_of_map(model_.logits, r - all, all, rows.data() + r - all, logits);
            for (int64_t i = 0; i < group.rows; ++i) rows[r + i].names = group.few->ids.data();
            best_of_map(group.few->map, r, group.rows, rows.data() + r, nullptr);
        }
        r += group.rows;
        all = group.few ? 0 : all + group.rows;
    }
    best_of_map(model_.logits, r - all, all, rows.data() + r - all, logits);
}

// Rows are those of the last step from `first_row` on.
void Forward::best_of_map(const Linear& map, int64_t first_row, int64_t rows, Best* best, float* logits) {
    if (rows == 0) return;
    const int64_t bytes = depth(model_.precision, map.inputs);
    const Inputs inputs{values_.data() + first_row * bytes, scales_.data() + first_row, sums_.data() + first_row};
    const bool copies = model_.copy_query.weights;
    std::vector<int64_t> copied(copies ? rows : 0);  // how many of the row's copies are done
    for (int64_t first = 0; first < map.outputs; first += COLUMNS) {
        const int64_t count = std::min(COLUMNS, map.outputs - first);
        kernels_.product(model_.precision, map, rows, inputs, first, first + count, tile_.at(0), tile_.row, STORE);
        for (int64_t r = 0; r < rows; ++r) {
            if (copies) add_copies(first_row + r, first, first + count, copied[r], tile_.at(r));
            kernels_.best(model_.precision, first, count, tile_.at(r), best[r]);
            if (logits) std::copy_n(tile_.at(r), count, logits + (first_row + r) * map.outputs + first);
        }
    }
}

}  // namespace regard::decoder
