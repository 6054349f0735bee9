#include "forward.h"

#include <algorithm>

namespace regard::decoder {

Forward::Forward(const Model& model, const Kernels& kernels)
    : model_(model), kernels_(kernels), kept_(kept_width(model.precision)), encoder_places_(model.encoder.positions, model, false),
      decoder_places_(model.decoder.positions, model, true) {}

void Forward::Rows::reserve(int64_t rows, int64_t columns) {
    row = up(columns, PANEL);
    if (static_cast<int64_t>(values.size()) < rows * row) values.resize(rows * row);
}

void Forward::reserve(int64_t rows) {
    rows = up(rows, 16);
    if (rows <= rows_) return;
    const Model& m = model_;
    const int64_t attention = m.d_model + 2 * shared_size(m), inner = (gated(m) ? 2 : 1) * m.d_ff;
    x_.reserve(rows, m.d_model);
    y_.reserve(rows, m.d_model);
    context_.reserve(rows, m.d_model);
    wide_.reserve(rows, std::max(attention, inner));
    tile_.reserve(rows, COLUMNS);
    values_.resize((rows + 16) * depth(m.precision, std::max(m.d_model, m.d_ff)));  // products may look beyond the last
    scales_.resize(rows);
    sums_.resize(rows);
    inputs_ = {values_.data(), scales_.data(), sums_.data()};
    rows_ = rows;
}

void Forward::linear(const Linear& map, int64_t rows, Rows& from, float* to, int64_t to_row, Then then) {
    kernels_.prepare(model_.precision, rows, map.inputs, from.at(0), from.row, inputs_);
    kernels_.product(model_.precision, map, rows, inputs_, 0, map.outputs, to, to_row, then);
}

void Forward::normalise(const Norm& norm, int64_t rows, Rows& from, Rows& to) {
    kernels_.norm(model_.norm_kind, rows, model_.d_model, from.at(0), norm, model_.epsilon, to.at(0), from.row);
}

// A residual connection: body adds to x what it makes of the rows it is given.
template <class Body>
void Forward::sublayer(const Norm& norm, int64_t rows, const Body& body) {
    if (model_.pre_norm) {
        normalise(norm, rows, x_, y_);
        body(y_);
    } else {
        body(x_);
        normalise(norm, rows, x_, x_);
    }
}

void Forward::encode(const std::vector<Source>& sources) {
    int64_t rows = 0, longest = 0;
    for (const Source& source : sources) {
        rows += source.count;
        longest = std::max(longest, source.count);
    }
    reserve(rows);
    encoder_places_.reach(longest);
    int64_t r = 0;
    for (const Source& source : sources) {
        const int64_t first = r;
        for (int64_t place = 0; place < source.count; ++place, ++r) {
            std::fill_n(x_.at(r), x_.row, 0.0f);
            kernels_.look_up(model_.precision, model_.source, source.ids[place], model_.d_model, model_.scale, x_.at(r));
        }
        add_ngrams(source, first);
        for (int64_t place = 0; place < source.count; ++place)
            if (const float* added = encoder_places_.added(place))
                for (int64_t i = 0; i < model_.d_model; ++i) x_.at(first + place)[i] += added[i];
    }
    if (model_.encoder.entrance.weight) normalise(model_.encoder.entrance, rows, x_, x_);
    for (int64_t i = 0; i < model_.encoder.layers; ++i) {
        const Layer& layer = model_.encoder.layer[i];
        sublayer(layer.self.norm, rows, [&](Rows& from) { self_attention(layer.self, sources, from); });
        sublayer(layer.widening.norm, rows, [&](Rows& from) { feed_forward(layer.widening, rows, from); });
    }
    if (model_.encoder.final.weight) normalise(model_.encoder.final, rows, x_, x_);
    remember(sources, rows);
    for (const Source& source : sources)
        if (source.few) think_of(source);
    if (model_.copy_key.weights) make_copies(sources, rows);
}

// Makes keys and values of all decoder layers of what was read.
void Forward::remember(const std::vector<Source>& sources, int64_t rows) {
    const int64_t shared = shared_size(model_);
    for (const Source& source : sources) {
        source.memory->length = source.count;
        const int64_t places = up(source.count, PANEL) + source.count;
        source.memory->keys_values.assign(model_.decoder.layers * shared * places * kept_, 0);
    }
    for (int64_t layer = 0; layer < model_.decoder.layers; ++layer) {
        linear(model_.decoder.layer[layer].source.source, rows, x_, wide_.at(0), wide_.row, STORE);
        int64_t first = 0;
        for (const Source& source : sources) {
            const int64_t row = up(source.count, PANEL);
            uint8_t* const keys = source.memory->keys_values.data() + layer * shared * (row + source.count) * kept_;
            uint8_t* const values = keys + shared * row * kept_;
            for (int64_t place = 0; place < source.count; ++place) {
                keep(shared, wide_.at(first + place), keys + place * kept_, row);
                keep(shared, wide_.at(first + place) + shared, values + place * shared * kept_);
            }
            first += source.count;
        }
    }
}

// Keeps numbers for later steps, each so many places from the next.
void Forward::keep(int64_t count, const float* from, uint8_t* to, int64_t apart) const {
    if (kept_ == 4) {
        auto* floats = reinterpret_cast<float*>(to);
        for (int64_t i = 0; i < count; ++i) floats[i * apart] = from[i];
    } else {
        auto* halves = reinterpret_cast<uint16_t*>(to);
        for (int64_t i = 0; i < count; ++i) halves[i * apart] = to_bfloat16(from[i]);
    }
}

// Adds the vector of the n-gram around each token: n / 2 tokens before it, the others from it on.
void Forward::add_ngrams(const Source& source, int64_t first) {
    for (int64_t table = 0; table < model_.ngrams; ++table) {
        const int64_t n = table + 2, entries = model_.ngram[table].entries;
        bool all = true;  // each n-gram has a row of its own
        for (int64_t i = 0, count = 1; i < n; ++i) all = all && (count *= model_.source_size) <= entries;
        for (int64_t place = 0; place < source.count; ++place) {
            uint64_t number = 0;
            for (int64_t at = place - n / 2; at < place - n / 2 + n; ++at)
                number = number * model_.source_size + (at < 0 || at >= source.count ? 0 : source.ids[at]);
            if (!all) number = ((number * 0x9E3779B1) & 0xFFFFFFFF) * entries >> 32;
            kernels_.look_up(
                model_.precision, model_.ngram[table], number, model_.d_model, model_.ngram_scale, x_.at(first + place));
        }
    }
}

void Forward::turn(const float* turns, float* queries_keys_values) {
    if (turns) kernels_.rotate(model_.heads + model_.key_value_heads, head_size(model_), turns, queries_keys_values);
}

// What all looks of a stack share; positions have no say in encoder-decoder attention.
Looking Forward::looking(Places* places, int64_t keys) {
    const int64_t distances = places && places->far() ? 2 * places->farthest() + 1 : 0;
    const int64_t room = 4 * up(keys, PANEL) + distances;
    if (static_cast<int64_t>(weights_.size()) < room) weights_.resize(2 * room);
    Looking one{};
    one.keys = keys;
    one.heads = model_.heads;
    one.groups = model_.heads / model_.key_value_heads;
    one.features = head_size(model_);
    one.q_row = wide_.row;
    one.out_row = context_.row;
    one.weights = weights_.data();
    if (!places) return one;
    one.bias = places->bias();
    one.bias_head = places->bias_head();
    one.far = places->far();
    one.farthest = places->farthest();
    return one;
}

void Forward::self_attention(const Attention& attention, const std::vector<Source>& sources, Rows& from) {
    int64_t rows = 0;
    for (const Source& source : sources) rows += source.count;
    linear(attention.input, rows, from, wide_.at(0), wide_.row, STORE);
    int64_t r = 0;
    for (const Source& source : sources) {
        for (int64_t place = 0; place < source.count; ++place) turn(encoder_places_.turns(place), wide_.at(r + place));
        Looking one = looking(&encoder_places_, source.count);
        one.queries = source.count;
        one.apart = 1;
        one.q = wide_.at(r);
        one.k_row = up(source.count, PANEL);
        across_.reserve(shared_size(model_), one.k_row);
        std::fill_n(across_.at(0), shared_size(model_) * one.k_row, 0.0f);
        for (int64_t place = 0; place < source.count; ++place)
            for (int64_t i = 0; i < shared_size(model_); ++i)
                across_.at(0)[i * one.k_row + place] = one.q[place * wide_.row + model_.d_model + i];
        one.k = across_.at(0);
        one.v = one.q + model_.d_model + shared_size(model_);
        one.step = wide_.row;
        one.out = context_.at(r);
        kernels_.look_across(one);
        r += source.count;
    }
    linear(attention.output, rows, context_, x_.at(0), x_.row, ADD);
}

void Forward::step(const std::vector<Group>& groups) {
    int64_t rows = 0, longest = 0;
    for (const Group& group : groups) {
        rows += group.rows;
        longest = std::max(longest, group.step + 1);
    }
    reserve(rows);
    decoder_places_.reach(longest);
    int64_t r = 0;
    for (const Group& group : groups)
        for (int64_t i = 0; i < group.rows; ++i, ++r) {
            std::fill_n(x_.at(r), x_.row, 0.0f);
            kernels_.look_up(model_.precision, model_.target, group.tokens[i], model_.d_model, model_.scale, x_.at(r));
            if (const float* added = decoder_places_.added(group.step))
                for (int64_t d = 0; d < model_.d_model; ++d) x_.at(r)[d] += added[d];
        }
    if (model_.decoder.entrance.weight) normalise(model_.decoder.entrance, rows, x_, x_);
    for (int64_t i = 0; i < model_.decoder.layers; ++i) {
        const Layer& layer = model_.decoder.layer[i];
        sublayer(layer.self.norm, rows, [&](Rows& from) { causal_attention(layer.self, i, groups, from); });
        sublayer(layer.source.norm, rows, [&](Rows& from) { source_attention(layer.source, i, groups, from); });
        sublayer(layer.widening.norm, rows, [&](Rows& from) { feed_forward(layer.widening, rows, from); });
    }
    if (model_.decoder.final.weight) normalise(model_.decoder.final, rows, x_, x_);
    step_rows_ = rows;
}

// Room for twice as many steps.
void Forward::make_room(Cache& cache) {
    const int64_t shared = shared_size(model_), both = 2 * shared, layers = model_.decoder.layers;
    const int64_t before = cache.steps, steps = std::max<int64_t>(PANEL, 2 * before);
    cache.steps = steps;
    if (cache.rows > 1) {
        cache.keys_values.resize(steps * layers * cache.rows * both * kept_);
        return;
    }
    std::vector<uint8_t> wider(layers * steps * both * kept_);
    for (int64_t layer = 0; layer < layers; ++layer) {
        const uint8_t* from = cache.keys_values.data() + layer * before * both * kept_;
        uint8_t* to = wider.data() + layer * steps * both * kept_;
        for (int64_t i = 0; i < shared; ++i) std::copy_n(from + i * before * kept_, before * kept_, to + i * steps * kept_);
        std::copy_n(from + before * shared * kept_, before * shared * kept_, to + steps * shared * kept_);
    }
    cache.keys_values.swap(wider);
}

void Forward::causal_attention(
    const Attention& attention, int64_t layer, const std::vector<Group>& groups, Rows& from
) {
    int64_t rows = 0;
    for (const Group& group : groups) rows += group.rows;
    linear(attention.input, rows, from, wide_.at(0), wide_.row, STORE);
    const int64_t shared = shared_size(model_), both = 2 * shared, layers = model_.decoder.layers;
    int64_t r = 0;
    for (const Group& group : groups) {
        Cache& cache = *group.cache;
        if (group.step >= cache.steps) make_room(cache);
        for (int64_t i = 0; i < group.rows; ++i) turn(decoder_places_.turns(group.step), wide_.at(r + i));
        Looking one = looking(&decoder_places_, group.step + 1);
        one.queries = group.rows;
        one.first = group.step;
        one.q = wide_.at(r);
        one.out = context_.at(r);
        one.halves = kept_ == 2;
        const float* now = one.q + model_.d_model;
        if (cache.rows == 1) {
            uint8_t* const keys = cache.keys_values.data() + layer * cache.steps * both * kept_;
            uint8_t* const values = keys + cache.steps * shared * kept_;
            keep(shared, now, keys + group.step * kept_, cache.steps);
            keep(shared, now + shared, values + group.step * shared * kept_);
            one.k = keys;
            one.v = values;
            one.k_row = cache.steps;
            one.step = shared;
            kernels_.look_across(one);
        } else {
            const int64_t step = layers * cache.rows * both;
            uint8_t* const keys = cache.keys_values.data() + layer * cache.rows * both * kept_;
            for (int64_t i = 0; i < group.rows; ++i)
                keep(both, now + i * wide_.row, keys + (group.step * step + i * both) * kept_);
            one.k = keys;
            one.v = keys + shared * kept_;
            one.step = step;
            one.beside = both;
            one.rows = group.ancestors;
            one.row = group.ancestors_row;
            kernels_.look(one);
        }
        r += group.rows;
    }
    linear(attention.output, rows, context_, x_.at(0), x_.row, ADD);
}

void Forward::source_attention(
    const Attention& attention, int64_t layer, const std::vector<Group>& groups, Rows& from
) {
    int64_t rows = 0;
    for (const Group& group : groups) rows += group.rows;
    linear(attention.input, rows, from, wide_.at(0), wide_.row, STORE);
    const int64_t shared = shared_size(model_);
    int64_t r = 0;
    for (const Group& group : groups) {
        Looking one = looking(nullptr, group.memory->length);
        one.queries = group.rows;
        one.q = wide_.at(r);
        one.k_row = up(one.keys, PANEL);
        const uint8_t* const keys = group.memory->keys_values.data() + layer * shared * (one.k_row + one.keys) * kept_;
        one.k = keys;
        one.v = keys + shared * one.k_row * kept_;
        one.halves = kept_ == 2;
        one.step = shared;
        one.out = context_.at(r);
        kernels_.look_across(one);
        r += group.rows;
    }
    linear(attention.output, rows, context_, x_.at(0), x_.row, ADD);
}

void Forward::feed_forward(const FeedForward& widening, int64_t rows, Rows& from) {
    constexpr Then BY_ACTIVATION[] = {STORE_RELU, STORE_GELU, STORE, STORE_SILU, STORE};
    const Then then = BY_ACTIVATION[model_.activation];
    linear(widening.widen, rows, from, wide_.at(0), wide_.row, then);
    if (gated(model_)) kernels_.gate(model_.activation, rows, model_.d_ff, wide_.at(0), wide_.row);
    linear(widening.narrow, rows, wide_, x_.at(0), x_.row, ADD);
}

}  // namespace regard::decoder
