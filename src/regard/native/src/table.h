// The kernels of one instruction set, as the plain C functions that Python calls. `type` is 0 for float32 and 1 for
// bfloat16, of all tensors but those said to be float.
#pragma once

#include <cstdint>

namespace regard {

struct Dropout {
    const void* pool;
    int64_t first;
    float scale;
};

struct Strides {
    int64_t sentence, head, position;
};

struct Attention {
    int64_t type, sentences, heads, queries, keys, features;
    const void* mask;
    int64_t causal;
    float scale;
    Dropout dropout;
    const void *q, *k, *v;
    Strides q_strides, k_strides, v_strides;
    void* out;  // forwards: the result; backwards: its gradient
    Strides out_strides;
    float* peaks;  // (sentences * heads, queries, 2)
    void *grad_q, *grad_k, *grad_v;
    Strides grad_q_strides, grad_k_strides, grad_v_strides;
};

// Cross-entropy of x times the transpose of a weight, plus bias; bfloat16.
struct ProjectedLoss {
    int64_t tokens, columns, entries;
    const void *x, *weight, *bias;
    const int64_t* targets;
    int64_t ignored;
    float smoothing;
    float* log_sums;
    float* room;
};

// A linear map; bfloat16. On the way back `out` is the gradient of its result, and `sums` and `bias_sums` (or null) are
// what the gradients of weight and bias are added to.
struct LinearMap {
    int64_t rows;
    const void *weight, *bias;
    void *out, *sums, *bias_sums;
};

struct Table {
    void (*dropout)(int64_t type, int64_t count, void* out, const void* x, const Dropout* mask);
    void (*activation_forward)(
        int64_t type, int64_t which, int64_t count, void* out, const void* x, const Dropout* mask);
    void (*activation_backward)(
        int64_t type, int64_t which, int64_t count, void* grad_x, const void* grad, const void* x, const Dropout* mask);
    void (*swiglu_forward)(
        int64_t type, int64_t count, void* out, const void* gate, const void* x, const Dropout* mask);
    void (*swiglu_backward)(
        int64_t type, int64_t count, void* grad_gate, void* grad_x, const void* grad, const void* gate, const void* x,
        const Dropout* mask);
    void (*norm_forward)(  // branch may be null: then `total` and `mask` are not used
        int64_t type, int64_t rows, int64_t columns, void* y, const void* x, const void* branch, void* total,
        const Dropout* mask, const void* weight, const void* bias, float epsilon, float* center, float* spread);
    void (*norm_backward)(  // grad_branch and beside may be null
        int64_t type, int64_t rows, int64_t columns, void* grad_x, void* grad_branch, float* grad_weight,
        float* grad_bias, const void* grad, const void* beside, const Dropout* mask, const void* x, const void* weight,
        const float* center, const float* spread);
    void (*attention_forward)(const Attention* call);
    void (*attention_backward)(const Attention* call);
    void (*rotate)(
        int64_t type, int64_t sentences, int64_t heads, int64_t positions, int64_t features, void* out,
        const Strides* out_strides, const void* x, const Strides* x_strides, const float* turns, float direction);
    void (*cross_entropy_forward)(
        int64_t type, int64_t rows, int64_t entries, const void* logits, const int64_t* targets, int64_t ignored,
        float smoothing, float* log_sums, float* losses);
    void (*cross_entropy_backward)(
        int64_t type, int64_t rows, int64_t entries, void* logits, const int64_t* targets, int64_t ignored,
        float smoothing, float factor, const float* log_sums);
    void (*projected_loss_forward)(const ProjectedLoss* call, float* losses);  // null where there is none
    void (*projected_loss_backward)(
        const ProjectedLoss* call, float factor, void* grad_x, void* sums, void* bias_sums);
    int64_t (*projected_loss_room)(int64_t tokens, int64_t columns, int64_t entries);  // entries of `room`
    void (*embedding_backward)(
        int64_t type, int64_t tokens, int64_t columns, void* sums, const void* grad, const int64_t* rows,
        const int64_t* order);
    void (*linear_forward)(  // null where torch's products are as good
        int64_t tokens, int64_t columns, const void* x, int64_t count, const LinearMap* maps, float* room);
    void (*linear_backward)(  // grad_x may be null: it is not made then
        int64_t tokens, int64_t columns, void* grad_x, const void* x, int64_t count, const LinearMap* maps, float* room);
    int64_t (*linear_room)(int64_t columns, int64_t count, const LinearMap* maps);  // entries of `room`
    void (*adam)(
        int64_t type, int64_t count, float* weights, float* mean, float* square, const void* grad, void* working,
        float scale, float rate, float beta1, float beta2, float unbias, float epsilon);
    double (*norm)(int64_t type, int64_t count, const void* x);
};

}  // namespace regard
