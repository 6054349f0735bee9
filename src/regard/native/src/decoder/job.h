// What is asked of the engine for one sentence, and what it answers; plain structs that Python reads and writes.
#pragma once

#include <cstdint>

namespace regard::decoder {

enum SearchKind : int64_t { BEAM, SAMPLING };
enum LengthKind : int64_t { PLAIN, GNMT, POWER };

struct Options {
    int64_t kind, beams, n_best, min_length, no_repeat, length_kind;
    double length_alpha;
    double temperature, top_p;  // SAMPLING
    int64_t top_k;
    uint64_t seed;
};

struct Job {
    const int32_t* ids;  // of the source, EOS is the last
    int64_t count;
    const int32_t* prefix;  // what every output starts with
    int64_t prefix_count;
    int64_t limit;  // most tokens of an output; one of so many may still end
    int64_t ends;   // 1: EOS must follow the prefix, which is how a given target is scored
    int64_t key;    // what samples depend on, besides the seed
    Options options;
};

// Hypotheses in the order in which they were completed, one behind the other.
struct Answer {
    int64_t count;
    const int32_t* lengths;    // tokens, without EOS
    const uint8_t* ended;      // 0: cut off
    const int32_t* ids;        // `length` of each
    const float* log_probs;    // `length` of each, and EOS's if it ended
};

}  // namespace regard::decoder
