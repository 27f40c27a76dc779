// The AVX-512 table (F, BW, DQ, VL, VNNI), for Ice Lake, Sapphire Rapids and Zen 4 and later.
#if defined(__x86_64__)
#include "kernels/table_headers.h"

#define TAEL_ISA avx512

#pragma GCC diagnostic push
// GCC 12 takes the don't-care operands inside its own intrinsics for a mistake.
#pragma GCC diagnostic ignored "-Wuninitialized"
// clang-format off
#include "kernels/isa/target_avx512_begin.h"
#include "kernels/isa/avx512_kernels.h"
// What an emulation would have to flush by itself.
#include "kernels/isa/x86_flush.h"
#include "kernels/isa/avx512_pairs.h"
#include "kernels/isa/avx512_split_pairs.h"
#include "kernels/impl/bf16_product.inl.h"
#include "kernels/impl/matmul_bf16.inl.h"
#include "kernels/isa/target_end.h"
// clang-format on
#pragma GCC diagnostic pop

namespace tael {

const KernelTable kAvx512Table = {
    .name = "avx512",
    .matmul_float = avx512::MatmulFloatOrColumns,
    .matmul_transposed = avx512::MatmulTransposedOrColumns,
    .matmul_float8 = avx512::MatmulFloat8,
    .matmul_bf16 = avx512::MatmulBf16,
    .quantize_rows = avx512::QuantizeRows,
    .matmul_integer = avx512::MatmulInteger,
    .matmul_interleaved = MatmulInterleavedAvx512,
    .interleaved_tiling = InterleavedTilingAvx512,
    .matmul_codes = avx512::MatmulCodes,
    .rms_norm = avx512::RmsNorm,
    .rope = avx512::Rope,
    .add = avx512::Add,
    .silu_multiply = avx512::SiluMultiply,
    .gelu_tanh_multiply = avx512::GeluTanhMultiply,
    .clamped_silu_multiply = avx512::ClampedSiluMultiply,
    .silu = avx512::Silu,
    .sigmoid_multiply = avx512::SigmoidMultiply,
    .delta_rule = avx512::DeltaRule,
    .attention = avx512::Attention,
    .to_cache = avx512::ToCache,
    .softmax_numerators = avx512::SoftmaxNumerators,
    .exp = avx512::ExpArray,
    .decode_row = avx512::DecodeStoredRow,
    .packed = {avx512::ByteCodeRows, avx512::WordCodeRows, avx512::AcrossCodeRows,
               avx512::Fp4CodeRows, avx512::ByteCodeBlocks, avx512::WordCodeBlocks,
               avx512::AcrossCodeBlocks, avx512::Fp4CodeBlocks},
};

}  // namespace tael
#endif
