// `loss.h` over logits that are never in memory: AMX tiles make each block of them twice, for the loss and for its
// gradient, and whatever is made of a block is made while it is in the cache. Logits are float32 here.
#pragma once

#include <utility>

#include "loss.h"
#include "tiles.h"

#if defined(__AMX_BF16__)

namespace INSTRUCTIONS {

constexpr int64_t BLOCK = 128;             // rows that stay in the cache together
constexpr int64_t BLOCK_DEPTH = BLOCK / DEPTH;
constexpr int64_t CHUNK = 128;             // logits of a row that exist at a time
constexpr int64_t GROUPS = 8;              // of bands, each with a gradient of x of its own: the same for any threads
constexpr int64_t BAND_ENTRIES = 3 << 15;  // of the weight in a band, about

struct Logits {
    int64_t tokens, columns, entries;
    const BFloat16 *x, *weight, *bias;
    const int64_t* targets;
    int64_t ignored;
    float smoothing;

    // Entries of a band, on the way back.
    int64_t band() const {
        const int64_t turns = (columns * entries + GROUPS * BAND_ENTRIES - 1) / (GROUPS * BAND_ENTRIES);
        return up((entries + GROUPS * turns - 1) / (GROUPS * turns), STEP);
    }
    bool counts(int64_t token) const { return token < tokens && targets[token] != ignored; }

    // What the logits of `count` entries start from: the bias, and minus infinity for those past the last.
    void starts(int64_t first, int64_t count, float* to) const {
        for (int64_t i = 0; i < up(count, STEP); ++i)
            to[i] = i >= count ? -INFINITY : bias ? at(bias + first + i) : 0.0f;
    }
};

// STEP rows of up to CHUNK logits at a time, each chunk put to use, part by part, while tiles make the next.
struct Chunks {
    static constexpr int64_t PARTS = CHUNK / STEP, ROOM = 2 * STEP * CHUNK;

    const Logits& c;
    float* blocks[2];

    Chunks(const Logits& c, float* room) : c(c), blocks{room, room + STEP * CHUNK} {}

    const float* made() const { return blocks[0]; }
    // Makes `width` logits of each row, a multiple of STEP; their weights are packed. Calls use(part) for every part of
    // the chunk before.
    template <class Use>
    void make(const BFloat16* rows, int64_t width, const BFloat16* packed, const float* start, const Use& use) {
        const Left left{rows, c.columns, DEPTH, SIDE * c.columns};
        const int64_t depth = c.columns / DEPTH, panel = depth * TILE;
        int64_t part = 0;
        for (int64_t i = 0; i < width; i += STEP, packed += 2 * panel)
            multiply_tiles<2, 2>(depth, left, packed, panel, blocks[1] + i, width, start + i, 0, [&] { use(part++); });
        while (part < PARTS) use(part++);
        std::swap(blocks[0], blocks[1]);
    }
};

// What a row's logits have come to, so far: the sum of their exponentials, times e to the minus `peak`.
struct Summary {
    static constexpr float FAR = 60.0f;  // above the peak, logits want another one: their exponentials grow too large

    Floats weights{};
    float peak = -INFINITY, right = 0.0f;

    void add(const float* logits, int64_t width) {
        if (peak == -INFINITY) peak = largest_of(logits, width);
        Floats most = all(peak), sums[2] = {};
        for (int64_t i = 0; i < width; i += 2 * LANES)
            for (int64_t half = 0; half < 2; ++half) {
                const Floats found = load(logits + i + half * LANES);
                most = larger(most, found);
                sums[half] += exponential_quick(found - peak);
            }
        if (largest(most) > peak + FAR) {
            const float before = peak;
            peak = largest(most);
            weights *= std::exp(before - peak);
            return add(logits, width);
        }
        weights += sums[0] + sums[1];
    }
    static float largest_of(const float* logits, int64_t width) {
        Floats most = load(logits);
        for (int64_t i = LANES; i < width; i += LANES) most = larger(most, load(logits + i));
        return largest(most);
    }
    float log_sum() const { return std::log(sum(weights)) + peak; }
};

// The sum of all rows of the weight, and after it that of the bias: with them a row's logits have their sum.
inline void sum_entries(const Logits& c, float* to) {
    regard::each_range(c.columns, DEPTH, [&](int64_t first, int64_t, int64_t) {
        Floats sums[2] = {};
        for (int64_t e = 0; e < c.entries; ++e)
            for (int64_t half = 0; half < 2; ++half) sums[half] += load(c.weight + e * c.columns + first + half * LANES);
        for (int64_t half = 0; half < 2; ++half) store(to + first + half * LANES, sums[half]);
    });
    Floats total{};
    if (c.bias) along(c.entries, [&](int64_t i, auto part) { total += part.get(c.bias + i); });
    to[c.columns] = sum(total);
}

// As `cross_entropy_forward`. `room` holds the packed weight, what logits start from, and sums.
inline void projected_loss_forward(const Logits& c, float* log_sums, float* losses, float* room) {
    const int64_t entries = up(c.entries, STEP);
    float *starts = room + entries * c.columns / 2, *sums = starts + entries;
    BFloat16* packed = reinterpret_cast<BFloat16*>(room);
    regard::each_range(c.entries, CHUNK, [&](int64_t first, int64_t last, int64_t) {
        pack_rows(c.weight, c.columns, first, last, c.entries, packed + first * c.columns);
    });
    c.starts(0, c.entries, starts);
    sum_entries(c, sums);
    regard::each_range(c.tokens, BLOCK, [&](int64_t first, int64_t last, int64_t) {
        float* logits = regard::scratch(Chunks::ROOM + BLOCK * c.columns / 2);
        BFloat16* rows = reinterpret_cast<BFloat16*>(logits + Chunks::ROOM);
        Summary summaries[BLOCK];
        const int64_t whole = copy_rows(c.x, first, last, c.columns, rows);
        const Tiles tiles;
        Chunks chunks(c, logits);
        int64_t row = 0, entry = 0, wide = 0;  // of the chunk that was made last
        const auto use = [&](int64_t part) {
            constexpr int64_t each = STEP / Chunks::PARTS;
            for (int64_t i = part * each; i < part * each + each && wide; ++i) {
                if (!c.counts(first + row + i)) continue;
                const float* made = chunks.made() + i * wide;
                const int64_t right = c.targets[first + row + i] - entry;
                summaries[row + i].add(made, wide);
                if (0 <= right && right < wide) summaries[row + i].right = made[right];
            }
        };
        for (int64_t e = 0; e < entries; e += CHUNK)
            for (int64_t r = 0; r < whole; r += STEP) {
                const int64_t width = entries - e < CHUNK ? entries - e : CHUNK;
                chunks.make(rows + r * c.columns, width, packed + e * c.columns, starts + e, use);
                row = r, entry = e, wide = width;
            }
        for (int64_t part = 0; part < Chunks::PARTS; ++part) use(part);
        for (int64_t t = first; t < last; ++t) {
            log_sums[t] = losses[2 * t] = losses[2 * t + 1] = 0.0f;
            if (!c.counts(t)) continue;
            const Summary& s = summaries[t - first];
            Floats products{};
            for (int64_t i = 0; i < c.columns; i += LANES) products += load(c.x + t * c.columns + i) * load(sums + i);
            const float mean = (sum(products) + sums[c.columns]) / c.entries;
            log_sums[t] = s.log_sum();
            losses[2 * t] = log_sums[t] - (1.0f - c.smoothing) * s.right - c.smoothing * mean;
            losses[2 * t + 1] = log_sums[t] - s.right;
        }
    });
    add_losses(c.tokens, losses);
}

// The gradient of `factor` times the loss of STEP rows of up to CHUNK logits, part by part. It is written twice: row by
// row, and as the right side of a product over rows, whose panels are BLOCK_DEPTH tiles apart; its sum over the rows is
// added to `bias`.
struct Slopes {
    const Logits& c;
    float factor;
    int64_t token = 0, entry = 0, width = 0, grad_row = 0;  // first token and entry
    BFloat16 *grad = nullptr, *packed = nullptr;
    float* bias = nullptr;
    float less[STEP], times[STEP], even[STEP];  // of each row

    Slopes(const Logits& c, float factor) : c(c), factor(factor) {}

    void begin(const float* log_sums) {
        for (int64_t i = 0; i < STEP; ++i) {
            const bool counts = c.counts(token + i);
            less[i] = counts ? log_sums[token + i] : INFINITY;
            times[i] = counts ? factor : 0.0f;
            even[i] = times[i] * c.smoothing / c.entries;
        }
    }
    // Those of STEP entries.
    void write(const float* logits, int64_t part) {
        const int64_t end = width < (part + 1) * STEP ? width : (part + 1) * STEP;
        for (int64_t e = part * STEP; e < end; e += SIDE) {
            BFloat16* tile = packed + e / SIDE * BLOCK_DEPTH * TILE;
            Floats total = load(bias + e);
            for (int64_t i = 0; i < STEP; i += 2, tile += DEPTH) {
                Floats slopes[2];
                for (int64_t j = i; j < i + 2; ++j) {
                    slopes[j - i] = exponential_quick(load(logits + j * width + e) - less[j]) * times[j] - even[j];
                    store(grad + j * grad_row + e, slopes[j - i]);
                    total += slopes[j - i];
                }
                const __m256i one = (__m256i)_mm512_cvtneps_pbh((__m512)slopes[0]);
                const __m256i two = (__m256i)_mm512_cvtneps_pbh((__m512)slopes[1]);
                const __m512i high = _mm512_slli_epi32(_mm512_cvtepu16_epi32(two), 16);
                _mm512_storeu_si512(tile, _mm512_or_si512(_mm512_cvtepu16_epi32(one), high));
            }
            store(bias + e, total);
        }
        if (part + 1 == Chunks::PARTS && width) rights(logits);
    }
    // Those of the right entries, which are smaller than if they were others.
    void rights(const float* logits) {
        const float smaller = factor * (1.0f - c.smoothing);
        for (int64_t i = 0; i < STEP; ++i) {
            const int64_t right = c.counts(token + i) ? c.targets[token + i] - entry : -1;
            if (right < 0 || right >= width) continue;
            const Floats other = exponential_quick(all(logits[i * width + right] - less[i])) * factor - even[i];
            store(grad + i * grad_row + right, other - smaller, 1);
            BFloat16* panel = packed + right / SIDE * BLOCK_DEPTH * TILE;
            store(panel + i / 2 * DEPTH + right % SIDE * 2 + i % 2, other - smaller, 1);
            bias[right] -= smaller;
        }
    }
};

// Entries of `room` that the way there or the way back needs.
inline int64_t projected_loss_room(int64_t tokens, int64_t columns, int64_t entries) {
    const int64_t there = up(entries, STEP) * (columns / 2 + 1) + columns + 1, rows = up(tokens, BLOCK);
    const int64_t back = rows * columns / 2 + GROUPS * rows * columns;
    return there < back ? back : there;
}

// Adds `exact` (columns x `width`, rows `band` apart) turned to rows of `sums`, of which there are `count`.
inline void add_turned(int64_t columns, int64_t width, int64_t band, int64_t count, const float* exact, BFloat16* sums) {
    for (int64_t e = 0; e < width; e += SIDE)
        for (int64_t m = 0; m < columns; m += SIDE) {
            Floats block[SIDE];
            for (int64_t i = 0; i < SIDE; ++i) block[i] = load(exact + (m + i) * band + e);
            transpose(block);
            for (int64_t i = 0; i < SIDE && e + i < count; ++i) {
                BFloat16* to = sums + (e + i) * columns + m;
                store(to, load(to) + block[i]);
            }
        }
}

// grad_x = the gradient of `factor` times the loss; adds those of weight and bias to `sums`, and `bias_sums` unless null.
inline void projected_loss_backward(
    const Logits& c, float factor, const float* log_sums, BFloat16* grad_x, BFloat16* sums, BFloat16* bias_sums,
    float* room
) {
    const int64_t band = c.band(), bands = (c.entries + band - 1) / band, each = (bands + GROUPS - 1) / GROUPS;
    const int64_t tokens = up(c.tokens, BLOCK), across = c.columns / SIDE, x_panel = BLOCK_DEPTH * TILE;
    BFloat16* turned_x = reinterpret_cast<BFloat16*>(room);
    float* towards_x = room + tokens * c.columns / 2;
    regard::each_range(c.tokens, BLOCK, [&](int64_t first, int64_t, int64_t) {
        BFloat16* to = turned_x + first * c.columns;
        for (int64_t a = 0; a < across; ++a)
            for (int64_t t = first; t < first + BLOCK; t += DEPTH, to += TILE)
                pack<true>(c.x + t * c.columns + a * SIDE, c.columns, c.tokens - t, SIDE, to);
    });
    regard::each_range(bands, each, [&](int64_t first_band, int64_t last_band, int64_t group) {
        const int64_t size = band * c.columns;
        float* logits = regard::scratch(Chunks::ROOM + 2 * band + 2 * size + BLOCK * c.columns / 2 + BLOCK * band);
        float *start = logits + Chunks::ROOM, *bias = start + band, *exact = bias + band;
        BFloat16* across_entries = reinterpret_cast<BFloat16*>(exact + size);  // the weight, packed for the logits
        BFloat16* along_entries = across_entries + size;                       // and for the gradient of x
        BFloat16 *rows = along_entries + size, *grad = rows + BLOCK * c.columns, *packed = grad + BLOCK * band;
        const Tiles tiles;
        Chunks chunks(c, logits);
        for (int64_t e = first_band * band; e < last_band * band && e < c.entries; e += band) {
            const int64_t count = c.entries - e < band ? c.entries - e : band, width = up(count, STEP);
            const int64_t panel = width / DEPTH * TILE;
            pack_rows(c.weight, c.columns, e, e + count, c.entries, across_entries);
            for (int64_t a = 0; a < across; ++a)
                for (int64_t i = 0; i < width; i += DEPTH)
                    pack<false>(
                        c.weight + (e + i) * c.columns + a * SIDE, c.columns, count - i, SIDE,
                        along_entries + a * panel + i / DEPTH * TILE);
            c.starts(e, count, start);
            for (int64_t i = 0; i < band; i += LANES) store(bias + i, Floats{});
            for (int64_t first = 0; first < c.tokens; first += BLOCK) {
                const int64_t last = c.tokens - first < BLOCK ? c.tokens : first + BLOCK;
                const int64_t whole = copy_rows(c.x, first, last, c.columns, rows);
                Slopes slopes(c, factor);
                const auto use = [&](int64_t part) { slopes.write(chunks.made(), part); };
                for (int64_t i = 0; i < width; i += CHUNK)
                    for (int64_t r = 0; r < whole; r += STEP) {
                        const int64_t wide = width - i < CHUNK ? width - i : CHUNK;
                        chunks.make(rows + r * c.columns, wide, across_entries + i * c.columns, start + i, use);
                        slopes.token = first + r, slopes.entry = e + i, slopes.width = wide, slopes.grad_row = width;
                        slopes.grad = grad + r * width + i, slopes.bias = bias + i;
                        slopes.packed = packed + i / SIDE * x_panel + r / DEPTH * TILE;
                        slopes.begin(log_sums);
                    }
                for (int64_t part = 0; part < Chunks::PARTS; ++part) use(part);
                float* x_sums = towards_x + (group * tokens + first) * c.columns;
                for (int64_t r = 0; r < whole; r += STEP)
                    for (int64_t a = 0; a < across; a += 2) {
                        const Left left{grad + r * width, width, DEPTH, SIDE * width};
                        float* to = x_sums + r * c.columns + a * SIDE;
                        const float* so_far = e == first_band * band ? nullptr : to;
                        multiply_tiles<2, 2>(
                            width / DEPTH, left, along_entries + a * panel, panel, to, c.columns, so_far, c.columns);
                    }
                for (int64_t a = 0; a < across; a += 2)
                    for (int64_t i = 0; i < width; i += STEP) {
                        const Left left{turned_x + first * c.columns + a * x_panel, DEPTH, TILE, x_panel};
                        float* to = exact + a * SIDE * band + i;
                        multiply_tiles<2, 2>(
                            whole / DEPTH, left, packed + i / SIDE * x_panel, x_panel, to, band, first ? to : nullptr,
                            band);
                    }
            }
            add_turned(c.columns, width, band, count, exact, sums + e * c.columns);
            if (bias_sums)
                along(count, [&](int64_t i, auto part) {
                    part.put(bias_sums + e + i, part.get(bias_sums + e + i) + part.get(bias + i));
                });
        }
    });
    const int64_t groups = (bands + each - 1) / each;
    regard::each_range(c.tokens * c.columns, 1 << 14, [&](int64_t first, int64_t last, int64_t) {
        along(last - first, [&](int64_t i, auto part) {
            Floats total{};
            for (int64_t g = 0; g < groups; ++g) total += part.get(towards_x + g * tokens * c.columns + first + i);
            part.put(grad_x + first + i, total);
        });
    });
}

}  // namespace INSTRUCTIONS

#endif
