// The kernels of decoding for one instruction set; compiled once for each, with INSTRUCTIONS as its name.
#include "best.h"
#include "looking.h"
#include "product_tiles.h"
#include "products.h"
#include "rows.h"

namespace INSTRUCTIONS {

constexpr int64_t FEW = 4;  // rows of bytes that tiles are not worth it for

inline void product_of_rows(
    int64_t precision, const decoder::Linear& map, int64_t rows, const decoder::Inputs& from, int64_t first, int64_t last,
    float* out, int64_t row, int64_t then
) {
    const Product p{map, from, decoder::depth(precision, map.inputs), out, first, row, then};
    const int64_t start = first / PANEL, end = (last + PANEL - 1) / PANEL;
    if (precision == decoder::FLOAT32) return product<FloatWeights>(p, rows, start, end);
#if defined(__AMX_INT8__)
    if (precision == decoder::BFLOAT16) return product_tiles<Floats>(p, rows, start, end);
    if (rows > FEW) return product_tiles<Ints>(p, rows, start, end);
#endif
    if (precision == decoder::BFLOAT16) return product<BFloatWeights>(p, rows, start, end);
    product<ByteWeights>(p, rows, start, end);
}

extern const decoder::Kernels decoder_kernels;

const decoder::Kernels decoder_kernels = {
    prepare, product_of_rows, norm_rows, gate_rows, look_up, rotate_heads, look, look_across, best_logits,
};

}  // namespace INSTRUCTIONS
