// The AVX2 table (x86-64-v3: AVX2, FMA, F16C), for Haswell and Zen and later.
#if defined(__x86_64__)
#include "kernels/table_headers.h"

#define TAEL_ISA avx2

#include "kernels/isa/target_avx2_begin.h"
// clang-format off
// In the order of use: vectors, primitives, formats, algorithms.
#include "kernels/isa/unroll.h"
#include "kernels/isa/avx2.h"
#include "kernels/isa/x86_reduce.h"
#include "kernels/isa/avx2_integer.h"
#include "kernels/isa/avx2_dot.h"
#include "kernels/isa/avx2_formats.h"
#include "kernels/isa/x86_block_values.h"
#include "kernels/impl/exp.inl.h"
#include "kernels/impl/elementwise.inl.h"
#include "kernels/impl/cache.inl.h"
#include "kernels/impl/quantize.inl.h"
#include "kernels/impl/attention_query.inl.h"
#include "kernels/isa/attention_by_4.h"
#include "kernels/impl/attention_tiles.inl.h"
#include "kernels/impl/attention_parts.inl.h"
#include "kernels/isa/avx2_keys.h"
#include "kernels/isa/x86_keys.h"
#include "kernels/impl/attention_pack.inl.h"
#include "kernels/impl/attention_codes.inl.h"
#include "kernels/impl/attention_block.inl.h"
#include "kernels/impl/attention.inl.h"
#include "kernels/impl/delta_rule.inl.h"
#include "kernels/impl/matmul_float.inl.h"
#include "kernels/isa/avx2_float_tile.h"
#include "kernels/impl/matmul_float_blocks.inl.h"
#include "kernels/impl/matmul_transposed.inl.h"
#include "kernels/impl/matmul_columns.inl.h"
#include "kernels/isa/x86_flush.h"
#include "kernels/isa/avx2_pairs.h"
#include "kernels/impl/bf16_product.inl.h"
#include "kernels/impl/matmul_bf16.inl.h"
#include "kernels/impl/matmul_integer.inl.h"
#include "kernels/impl/fetch_ahead.inl.h"
#include "kernels/impl/integer_product.inl.h"
#include "kernels/impl/matmul_integer_row_tile.inl.h"
#include "kernels/impl/panel_chains.inl.h"
#include "kernels/impl/matmul_integer_pair_panel.inl.h"
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
#include "kernels/isa/x86_float8.h"
#include "kernels/impl/matmul_float8.inl.h"
// clang-format on
#include "kernels/isa/target_end.h"

namespace tael {

const KernelTable kAvx2Table = {
    .name = "avx2",
    .matmul_float = avx2::MatmulFloatOrColumns,
    .matmul_transposed = avx2::MatmulTransposedOrColumns,
    .matmul_float8 = avx2::MatmulFloat8,
    .matmul_bf16 = avx2::MatmulBf16,
    .quantize_rows = avx2::QuantizeRows,
    .matmul_integer = avx2::MatmulInteger,
    .matmul_interleaved = MatmulInterleavedAvx2,
    .interleaved_tiling = InterleavedTilingAvx2,
    .matmul_codes = avx2::MatmulCodes,
    .rms_norm = avx2::RmsNorm,
    .rope = avx2::Rope,
    .add = avx2::Add,
    .silu_multiply = avx2::SiluMultiply,
    .gelu_tanh_multiply = avx2::GeluTanhMultiply,
    .clamped_silu_multiply = avx2::ClampedSiluMultiply,
    .silu = avx2::Silu,
    .sigmoid_multiply = avx2::SigmoidMultiply,
    .delta_rule = avx2::DeltaRule,
    .attention = avx2::Attention,
    .to_cache = avx2::ToCache,
    .softmax_numerators = avx2::SoftmaxNumerators,
    .exp = avx2::ExpArray,
    .decode_row = avx2::DecodeStoredRow,
    .packed = {avx2::ByteCodeRows, avx2::WordCodeRows, avx2::AcrossCodeRows, avx2::Fp4CodeRows,
               avx2::ByteCodeBlocks, avx2::WordCodeBlocks, avx2::AcrossCodeBlocks,
               avx2::Fp4CodeBlocks},
};

}  // namespace tael
#endif
