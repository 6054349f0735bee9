// All kernels for one instruction set; compiled once for each, with INSTRUCTIONS as its name.
#include "attention.h"
#include "attention_tiles.h"
#include "elementwise.h"
#include "linear_tiles.h"
#include "loss.h"
#include "loss_tiles.h"
#include "norm.h"
#include "optimizer.h"
#include "products.h"
#include "rotate.h"
#include "table.h"

namespace INSTRUCTIONS {

// Calls f with a null pointer of the element type.
template <class F>
inline void typed(int64_t type, const F& f) {
    if (type == 0)
        f(static_cast<float*>(nullptr));
    else
        f(static_cast<BFloat16*>(nullptr));
}

#define WITH_TYPE(type, ...)                                 \
    typed(type, [&](auto* null) {                            \
        using T = std::remove_pointer_t<decltype(null)>;     \
        __VA_ARGS__;                                         \
    })

inline Mask mask_of(const regard::Dropout* given) {
    return given ? Mask{static_cast<const uint8_t*>(given->pool), given->first, given->scale} : Mask{};
}

template <class T>
inline View<T> view(void* data, const regard::Strides& strides) {
    return {static_cast<T*>(data), strides.sentence, strides.head, strides.position};
}

template <class T>
inline View<const T> view(const void* data, const regard::Strides& strides) {
    return {static_cast<const T*>(data), strides.sentence, strides.head, strides.position};
}

inline AttentionSizes sizes_of(const regard::Attention& c) {
    const auto* mask = static_cast<const uint8_t*>(c.mask);
    return {c.sentences, c.heads, c.queries, c.keys, c.features, mask, c.causal, c.scale, mask_of(&c.dropout)};
}

#if defined(__AMX_BF16__)
inline Logits logits_of(const regard::ProjectedLoss& c) {
    return {c.tokens, c.columns, c.entries, (const BFloat16*)c.x, (const BFloat16*)c.weight, (const BFloat16*)c.bias,
            c.targets, c.ignored, c.smoothing};
}
#endif

extern const regard::Table table;

const regard::Table table = {
    [](int64_t type, int64_t count, void* out, const void* x, const regard::Dropout* mask) {
        WITH_TYPE(type, dropout(count, (T*)out, (const T*)x, mask_of(mask)));
    },
    [](int64_t type, int64_t which, int64_t count, void* out, const void* x, const regard::Dropout* mask) {
        WITH_TYPE(
            type, which ? activation_forward<GELU>(count, (T*)out, (const T*)x, mask_of(mask))
                        : activation_forward<ReLU>(count, (T*)out, (const T*)x, mask_of(mask)));
    },
    [](int64_t type, int64_t which, int64_t count, void* grad_x, const void* grad, const void* x,
       const regard::Dropout* mask) {
        WITH_TYPE(
            type, which ? activation_backward<GELU>(count, (T*)grad_x, (const T*)grad, (const T*)x, mask_of(mask))
                        : activation_backward<ReLU>(count, (T*)grad_x, (const T*)grad, (const T*)x, mask_of(mask)));
    },
    [](int64_t type, int64_t count, void* out, const void* gate, const void* x, const regard::Dropout* mask) {
        WITH_TYPE(type, swiglu_forward(count, (T*)out, (const T*)gate, (const T*)x, mask_of(mask)));
    },
    [](int64_t type, int64_t count, void* grad_gate, void* grad_x, const void* grad, const void* gate, const void* x,
       const regard::Dropout* mask) {
        WITH_TYPE(
            type, swiglu_backward(
                      count, (T*)grad_gate, (T*)grad_x, (const T*)grad, (const T*)gate, (const T*)x, mask_of(mask)));
    },
    [](int64_t type, int64_t rows, int64_t columns, void* y, const void* x, const void* branch, void* total,
       const regard::Dropout* mask, const void* weight, const void* bias, float epsilon, float* center, float* spread) {
        WITH_TYPE(
            type, norm_forward(
                      rows, columns, (T*)y, (const T*)x, (const T*)branch, (T*)total, mask_of(mask), (const T*)weight,
                      (const T*)bias, epsilon, center, spread));
    },
    [](int64_t type, int64_t rows, int64_t columns, void* grad_x, void* grad_branch, float* grad_weight,
       float* grad_bias, const void* grad, const void* beside, const regard::Dropout* mask, const void* x,
       const void* weight, const float* center, const float* spread) {
        WITH_TYPE(
            type, norm_backward(
                      rows, columns, (T*)grad_x, (T*)grad_branch, grad_weight, grad_bias, (const T*)grad,
                      (const T*)beside, mask_of(mask), (const T*)x, (const T*)weight, center, spread));
    },
    [](const regard::Attention* c) {
#if defined(__AMX_BF16__)
        using T = BFloat16;
        if (c->type == 1 && fits_tiles(sizes_of(*c)))
            return attention_forward_tiles(
                sizes_of(*c), view<T>(c->q, c->q_strides), view<T>(c->k, c->k_strides), view<T>(c->v, c->v_strides),
                view<T>(c->out, c->out_strides), c->peaks);
#endif
        WITH_TYPE(
            c->type, attention_forward<T>(
                         sizes_of(*c), view<T>(c->q, c->q_strides), view<T>(c->k, c->k_strides),
                         view<T>(c->v, c->v_strides), view<T>(c->out, c->out_strides), c->peaks));
    },
    [](const regard::Attention* c) {
#if defined(__AMX_BF16__)
        using T = BFloat16;
        if (c->type == 1 && fits_tiles(sizes_of(*c)))
            return attention_backward_tiles(
                sizes_of(*c), view<T>(c->q, c->q_strides), view<T>(c->k, c->k_strides), view<T>(c->v, c->v_strides),
                view<T>((const void*)c->out, c->out_strides), c->peaks, view<T>(c->grad_q, c->grad_q_strides),
                view<T>(c->grad_k, c->grad_k_strides), view<T>(c->grad_v, c->grad_v_strides));
#endif
        WITH_TYPE(
            c->type, attention_backward<T>(
                         sizes_of(*c), view<T>(c->q, c->q_strides), view<T>(c->k, c->k_strides),
                         view<T>(c->v, c->v_strides), view<T>((const void*)c->out, c->out_strides), c->peaks,
                         view<T>(c->grad_q, c->grad_q_strides), view<T>(c->grad_k, c->grad_k_strides),
                         view<T>(c->grad_v, c->grad_v_strides)));
    },
    [](int64_t type, int64_t sentences, int64_t heads, int64_t positions, int64_t features, void* out,
       const regard::Strides* out_strides, const void* x, const regard::Strides* x_strides, const float* turns,
       float direction) {
        WITH_TYPE(
            type, rotate<T>(
                      sentences, heads, positions, features, view<T>(out, *out_strides), view<T>(x, *x_strides), turns,
                      direction));
    },
    [](int64_t type, int64_t rows, int64_t entries, const void* logits, const int64_t* targets, int64_t ignored,
       float smoothing, float* log_sums, float* losses) {
        WITH_TYPE(
            type,
            cross_entropy_forward(rows, entries, (const T*)logits, targets, ignored, smoothing, log_sums, losses));
    },
    [](int64_t type, int64_t rows, int64_t entries, void* logits, const int64_t* targets, int64_t ignored,
       float smoothing, float factor, const float* log_sums) {
        WITH_TYPE(
            type,
            cross_entropy_backward(rows, entries, (T*)logits, targets, ignored, smoothing, factor, log_sums));
    },
#if defined(__AMX_BF16__)
    [](const regard::ProjectedLoss* c, float* losses) {
        projected_loss_forward(logits_of(*c), c->log_sums, losses, c->room);
    },
    [](const regard::ProjectedLoss* c, float factor, void* grad_x, void* sums, void* bias_sums) {
        projected_loss_backward(
            logits_of(*c), factor, c->log_sums, (BFloat16*)grad_x, (BFloat16*)sums, (BFloat16*)bias_sums, c->room);
    },
    projected_loss_room,
#else
    nullptr,
    nullptr,
    nullptr,
#endif
    [](int64_t type, int64_t tokens, int64_t columns, void* sums, const void* grad, const int64_t* rows,
       const int64_t* order) {
        WITH_TYPE(type, embedding_backward(tokens, columns, (T*)sums, (const T*)grad, rows, order));
    },
#if defined(__AMX_BF16__)
    [](int64_t tokens, int64_t columns, const void* x, int64_t count, const regard::LinearMap* maps, float* room) {
        linear_forward(tokens, columns, (const BFloat16*)x, count, maps, room);
    },
    [](int64_t tokens, int64_t columns, void* grad_x, const void* x, int64_t count, const regard::LinearMap* maps,
       float* room) {
        linear_backward(tokens, columns, (BFloat16*)grad_x, (const BFloat16*)x, count, maps, room);
    },
    linear_room,
#else
    nullptr,
    nullptr,
    nullptr,
#endif
    [](int64_t type, int64_t count, float* weights, float* mean, float* square, const void* grad, void* working,
       float scale, float rate, float beta1, float beta2, float unbias, float epsilon) {
        WITH_TYPE(
            type, adam(
                      count, weights, mean, square, (const T*)grad, (T*)working, scale, rate, beta1, beta2, unbias,
                      epsilon));
    },
    [](int64_t type, int64_t count, const void* x) {
        double found = 0.0;
        WITH_TYPE(type, found = norm(count, (const T*)x));
        return found;
    },
};

}  // namespace INSTRUCTIONS
