// Decodes a few sources with a small model of made-up weights, in every precision and search, and prints what was found:
// the same on any processor, but for last digits of scores.
#include <cmath>
#include <cstdio>
#include <vector>

#include "engine.h"
#include "pack.h"

namespace portable { extern const regard::decoder::Kernels decoder_kernels; }

using namespace regard::decoder;

constexpr int64_t D = 24, HEADS = 3, WIDE = 40, LAYERS = 2, ENTRIES = 53;

static std::vector<std::vector<uint8_t>> kept;  // all that the model points to
static uint32_t state = 1;

static std::vector<float> drawn(int64_t count, float size) {
    std::vector<float> made(count);
    for (float& x : made) {
        state = state * 1664525u + 1013904223u;
        x = (static_cast<float>(state >> 8) / 8388608.0f - 1.0f) * size;
    }
    return made;
}

template <class T>
static T* keep(const std::vector<T>& values) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(values.data());
    kept.emplace_back(bytes, bytes + values.size() * sizeof(T));
    return reinterpret_cast<T*>(kept.back().data());
}

static Linear linear(int64_t precision, int64_t inputs, int64_t outputs) {
    const std::vector<float> weights = drawn(inputs * outputs, 0.5f);
    std::vector<float> scales(up(outputs, PANEL)), bias = drawn(outputs, 0.1f);
    std::vector<uint8_t> packed(packed_size(precision, outputs, inputs));
    pack(precision, outputs, inputs, weights.data(), 0, packed.data(), scales.data());
    bias.resize(up(outputs, PANEL));
    return {inputs, outputs, keep(packed), keep(scales), keep(bias)};
}

static Norm norm() { return {keep(std::vector<float>(D, 1.0f)), keep(drawn(D, 0.1f))}; }

static Table table(int64_t precision) {
    const std::vector<float> rows = drawn(ENTRIES * D, 0.5f);
    std::vector<uint16_t> halves(rows.size());
    round_to_bfloat16(static_cast<int64_t>(rows.size()), rows.data(), halves.data());
    if (precision == FLOAT32) return {ENTRIES, keep(rows)};
    return {ENTRIES, keep(halves)};
}

static Stack stack(int64_t precision, int64_t positions, bool decodes) {
    std::vector<Layer> layers(LAYERS);
    for (Layer& layer : layers) {
        layer.self = {linear(precision, D, 3 * D), {}, linear(precision, D, D), norm()};
        if (decodes) layer.source = {linear(precision, D, D), linear(precision, D, 2 * D), linear(precision, D, D), norm()};
        layer.widening = {linear(precision, D, WIDE), linear(precision, WIDE, D), norm()};
    }
    return {LAYERS, keep(layers), {}, norm(), {positions, 0, 0, 10000.0f, nullptr}};
}

int main() {
    for (const int64_t precision : {FLOAT32, INT8, BFLOAT16})
        for (const int64_t positions : {SINUSOIDAL, ROTARY, ALIBI}) {
            state = 1;
            kept.clear();
            kept.reserve(1000);
            Model m{};
            m.precision = precision;
            m.d_model = D;
            m.heads = m.key_value_heads = HEADS;
            m.d_ff = WIDE;
            m.pre_norm = 1;
            m.activation = GELU;
            m.epsilon = 1e-5f;
            m.scale = std::sqrt(static_cast<float>(D));
            m.source_size = ENTRIES;
            m.source = table(precision);
            m.target = table(precision);
            m.logits = linear(precision, D, ENTRIES);
            m.encoder = stack(precision, positions, false);
            m.decoder = stack(precision, positions, true);
            if (positions == ROTARY) {  // the source's tokens are copied
                m.copy_query = linear(precision, D, D);
                m.copy_key = linear(precision, D, D);
            }
            Engine engine(m, portable::decoder_kernels, 2, 16);
            for (const int64_t beams : {1, 4})
                for (int32_t length = 1; length <= 9; length += 4) {
                    std::vector<int32_t> ids;
                    for (int32_t i = 0; i < length; ++i) ids.push_back(4 + (i * 7 + length) % (ENTRIES - 4));
                    ids.push_back(END);
                    Job job{ids.data(), length + 1, nullptr, 0, 12, 0, 0, {}};
                    job.options.beams = beams;
                    job.options.n_best = 1;
                    const int64_t number = engine.submit(job);
                    Answer answer{};
                    while (!engine.wait(number, 10.0, &answer)) {}
                    std::printf("%d %d %d:", static_cast<int>(precision), static_cast<int>(positions), static_cast<int>(beams));
                    double total = 0.0;
                    for (int64_t i = 0; i < answer.lengths[0]; ++i) std::printf(" %d", answer.ids[i]);
                    for (int64_t i = 0; i < answer.lengths[0] + answer.ended[0]; ++i) total += answer.log_probs[i];
                    std::printf(" %.2f\n", total);
                    engine.release(number);
                }
        }
}
