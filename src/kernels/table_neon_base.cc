// The NEON table for every 64-bit Arm: without the byte dot product (Cortex-A53, A72).
#if defined(__aarch64__)
#include "kernels/table_headers.h"

#define TAEL_ISA neon_base

// clang-format off
// In the order of use: vectors, primitives, formats, algorithms.
#include "kernels/isa/unroll.h"
#include "kernels/isa/neon.h"
#include "kernels/isa/neon_base.h"
#include "kernels/isa/neon_integer.h"
#include "kernels/isa/neon_formats.h"
#include "kernels/isa/neon_block_values.h"
#include "kernels/impl/exp.inl.h"
#include "kernels/impl/elementwise.inl.h"
#include "kernels/impl/cache.inl.h"
#include "kernels/impl/quantize.inl.h"
#include "kernels/impl/attention_query.inl.h"
#include "kernels/isa/attention_by_4.h"
#include "kernels/impl/attention_tiles.inl.h"
#include "kernels/impl/attention_parts.inl.h"
#include "kernels/isa/neon_keys.h"
#include "kernels/impl/attention_pack.inl.h"
#include "kernels/impl/attention_codes.inl.h"
#include "kernels/impl/attention_block.inl.h"
#include "kernels/impl/attention.inl.h"
#include "kernels/impl/delta_rule.inl.h"
#include "kernels/impl/matmul_float.inl.h"
#include "kernels/impl/matmul_transposed.inl.h"
#include "kernels/isa/neon_pairs.h"
#include "kernels/isa/transpose_pairs.h"
#include "kernels/impl/bf16_product.inl.h"
#include "kernels/impl/matmul_bf16.inl.h"
#include "kernels/impl/matmul_integer.inl.h"
#include "kernels/impl/fetch_ahead.inl.h"
#include "kernels/impl/integer_product.inl.h"
#include "kernels/isa/neon_tiles.h"
#include "kernels/impl/matmul_integer_dispatch.inl.h"
#include "kernels/impl/matmul_codes_tiles.inl.h"
#include "kernels/impl/decode_row.inl.h"
#include "quant/packed/values.inl.h"
#include "quant/packed/bytes.inl.h"
#include "quant/packed/words.inl.h"
#include "quant/packed/across.inl.h"
#include "quant/packed/fp4.inl.h"
#include "quant/packed/bytes16.inl.h"
#include "quant/packed/blocks.inl.h"
#include "kernels/impl/packed_rows.inl.h"
#include "kernels/isa/float8.h"
#include "kernels/impl/matmul_float8.inl.h"
// clang-format on

namespace tael {

const KernelTable kNeonBaseTable = {
    .name = "neon_base",
    .matmul_float = neon_base::MatmulFloat,
    .matmul_transposed = neon_base::MatmulTransposed,
    .matmul_float8 = neon_base::MatmulFloat8,
    .matmul_bf16 = neon_base::MatmulBf16,
    .quantize_rows = neon_base::QuantizeRows,
    .matmul_integer = neon_base::MatmulInteger,
    .matmul_codes = neon_base::MatmulCodes,
    .rms_norm = neon_base::RmsNorm,
    .rope = neon_base::Rope,
    .add = neon_base::Add,
    .silu_multiply = neon_base::SiluMultiply,
    .gelu_tanh_multiply = neon_base::GeluTanhMultiply,
    .clamped_silu_multiply = neon_base::ClampedSiluMultiply,
    .silu = neon_base::Silu,
    .sigmoid_multiply = neon_base::SigmoidMultiply,
    .delta_rule = neon_base::DeltaRule,
    .attention = neon_base::Attention,
    .to_cache = neon_base::ToCache,
    .softmax_numerators = neon_base::SoftmaxNumerators,
    .exp = neon_base::ExpArray,
    .decode_row = neon_base::DecodeStoredRow,
    .packed = {neon_base::ByteCodeRows, neon_base::WordCodeRows, neon_base::AcrossCodeRows,
               neon_base::Fp4CodeRows, neon_base::ByteCodeBlocks, neon_base::WordCodeBlocks,
               neon_base::AcrossCodeBlocks, neon_base::Fp4CodeBlocks},
};

}  // namespace tael
#endif
