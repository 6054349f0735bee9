// The kernels of one instruction set that decoding is made of. Rows of floats are padded with zeros to whole panels.
#pragma once

#include "types.h"

namespace regard::decoder {

// Rows of inputs as products want them.
struct Inputs {
    void* values;   // depth(precision, inputs) bytes a row, to a multiple of 16 rows
    float* scales;  // of each row, in INT8
    int32_t* sums;  // of each row, in INT8
};

// What becomes of a product.
enum Then : int64_t { STORE, ADD, STORE_RELU, STORE_GELU, STORE_SILU };

// One sentence's queries against keys and values; in the same places for all heads, behind one another.
struct Looking {
    int64_t queries, keys, heads, groups, features;  // groups: heads that share keys and values
    const float* q;
    int64_t q_row;
    int64_t halves;  // 1: keys and values are in bfloat16
    const void* k;   // `look`: key s of query r begins at k + s * step + (rows ? rows[r * row + s] : 0) * beside, as in v;
    const void* v;   // `look_across`: feature i of all keys begins at k + i * k_row, value s at v + s * step
    int64_t k_row, step, beside;
    const uint16_t* rows;
    int64_t row;
    int64_t first, apart;  // query r stands at the place first + r * apart
    const float* bias;     // or null: of head h at distance d (key less query), at bias + h * bias_head + d
    int64_t bias_head;
    const float* far;  // or null: SHAW's vectors, from the distance -farthest on
    int64_t farthest;
    float* out;
    int64_t out_row;
    float* weights;  // room for 4 rows of keys, to whole panels, and for the distances of `far`
};

// What is sought among the logits of one row, and found.
struct Best {
    float peak, sum;  // the greatest logit; the sum of exponentials of the others' distance to it
    float bar;        // what a logit must exceed
    int32_t found, most;
    float* values;  // greatest first; equal ones in the order of their ids
    int32_t* ids;
    const int32_t* names;  // ids of the logits, rising; null: they are all there
    const int32_t* forbidden;
    int32_t forbidden_count;
    int32_t wanted;  // or -1: the one token that may come
    float wanted_value;
};

struct Kernels {
    void (*prepare)(int64_t precision, int64_t rows, int64_t inputs, const float* x, int64_t row, const Inputs& to);
    void (*product)(
        int64_t precision, const Linear& map, int64_t rows, const Inputs& from, int64_t first, int64_t last, float* out,
        int64_t row, int64_t then);  // the outputs `first`, a multiple of PANEL, to `last`
    void (*norm)(
        int64_t kind, int64_t rows, int64_t d_model, const float* x, const Norm& norm, float epsilon, float* out,
        int64_t row);
    // The first half of a row, the gate, bent and multiplied by the second half.
    void (*gate)(int64_t activation, int64_t rows, int64_t d_ff, float* x, int64_t row);
    void (*look_up)(int64_t precision, const Table& table, int64_t entry, int64_t d_model, float scale, float* add_to);
    void (*rotate)(int64_t heads, int64_t features, const float* turns, float* x);
    void (*look)(const Looking& one);
    void (*look_across)(const Looking& one);  // k_row is a multiple of PANEL and holds all keys
    void (*best)(int64_t precision, int64_t first, int64_t count, const float* logits, Best& best);
};

}  // namespace regard::decoder

#if defined(INSTRUCTIONS)
namespace INSTRUCTIONS {
namespace decoder = regard::decoder;
using decoder::PANEL;
}  // namespace INSTRUCTIONS
#endif
