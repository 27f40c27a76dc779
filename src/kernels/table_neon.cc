// The NEON table for Armv8.2 with the byte dot product (SDOT), for Cortex-A76, Neoverse and Apple
// M1 and later.
#if defined(__aarch64__)
#include "kernels/table_headers.h"

#define TAEL_ISA neon

#include "kernels/isa/target_neon_begin.h"
// clang-format off
// In the order of use: vectors, primitives, formats, algorithms.
#include "kernels/isa/unroll.h"
#include "kernels/isa/neon.h"
#include "kernels/isa/neon_dot.h"
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
#include "kernels/isa/target_end.h"

namespace tael {

const KernelTable kNeonTable = {
    .name = "neon",
    .matmul_float = neon::MatmulFloat,
    .matmul_transposed = neon::MatmulTransposed,
    .matmul_float8 = neon::MatmulFloat8,
    .matmul_bf16 = neon::MatmulBf16,
    .quantize_rows = neon::QuantizeRows,
    .matmul_integer = neon::MatmulInteger,
    .matmul_interleaved = MatmulInterleavedNeon,
    .matmul_codes = neon::MatmulCodes,
    .rms_norm = neon::RmsNorm,
    .rope = neon::Rope,
    .add = neon::Add,
    .silu_multiply = neon::SiluMultiply,
    .gelu_tanh_multiply = neon::GeluTanhMultiply,
    .clamped_silu_multiply = neon::ClampedSiluMultiply,
    .silu = neon::Silu,
    .sigmoid_multiply = neon::SigmoidMultiply,
    .delta_rule = neon::DeltaRule,
    .attention = neon::Attention,
    .to_cache = neon::ToCache,
    .softmax_numerators = neon::SoftmaxNumerators,
    .exp = neon::ExpArray,
    .decode_row = neon::DecodeStoredRow,
    .packed = {neon::ByteCodeRows, neon::WordCodeRows, neon::AcrossCodeRows, neon::Fp4CodeRows,
               neon::ByteCodeBlocks, neon::WordCodeBlocks, neon::AcrossCodeBlocks,
               neon::Fp4CodeBlocks},
};

}  // namespace tael
#endif
