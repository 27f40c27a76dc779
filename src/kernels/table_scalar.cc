// The scalar table: defines the bits of every other table, and runs on any CPU.
#include "kernels/table_headers.h"

#define TAEL_ISA scalar

// clang-format off
// In the order of use: vectors, algorithms.
#include "kernels/isa/unroll.h"
#include "kernels/isa/scalar.h"
#include "kernels/impl/exp.inl.h"
#include "kernels/impl/elementwise.inl.h"
#include "kernels/impl/cache.inl.h"
#include "kernels/impl/quantize.inl.h"
#include "kernels/impl/attention_query.inl.h"
#include "kernels/impl/attention_literal.inl.h"
#include "kernels/impl/delta_rule.inl.h"
#include "kernels/impl/matmul_float.inl.h"
#include "kernels/impl/matmul_transposed.inl.h"
#include "kernels/isa/scalar_pairs.h"
#include "kernels/isa/transpose_pairs.h"
#include "kernels/impl/bf16_product.inl.h"
#include "kernels/impl/matmul_bf16.inl.h"
#include "kernels/impl/matmul_integer.inl.h"
#include "kernels/impl/matmul_codes.inl.h"
#include "quant/packed/values.inl.h"
#include "quant/packed/bytes.inl.h"
#include "quant/packed/words.inl.h"
#include "quant/packed/across.inl.h"
#include "quant/packed/fp4.inl.h"
#include "quant/packed/bytes16.inl.h"
#include "quant/packed/blocks.inl.h"
#include "kernels/isa/float8.h"
#include "kernels/impl/matmul_float8.inl.h"
// clang-format on

namespace tael {

const KernelTable kScalarTable = {
    .name = "scalar",
    .matmul_float = scalar::MatmulFloat,
    .matmul_transposed = scalar::MatmulTransposed,
    .matmul_float8 = scalar::MatmulFloat8,
    .matmul_bf16 = scalar::MatmulBf16,
    .quantize_rows = scalar::QuantizeRows,
    .matmul_integer = scalar::MatmulIntegerAny,
    .matmul_codes = scalar::MatmulCodesAny,
    .rms_norm = scalar::RmsNorm,
    .rope = scalar::Rope,
    .add = scalar::Add,
    .silu_multiply = scalar::SiluMultiply,
    .gelu_tanh_multiply = scalar::GeluTanhMultiply,
    .clamped_silu_multiply = scalar::ClampedSiluMultiply,
    .silu = scalar::Silu,
    .sigmoid_multiply = scalar::SigmoidMultiply,
    .delta_rule = scalar::DeltaRule,
    .attention = scalar::LiteralAttention,
    .to_cache = scalar::ToCache,
    .softmax_numerators = scalar::SoftmaxNumerators,
    .exp = scalar::ExpArray,
    .packed = {scalar::DecodeByteCodes, scalar::DecodeWordCodes, scalar::DecodeAcrossCodes,
               scalar::DecodeFp4Codes, scalar::ByteCodeBlocks, scalar::WordCodeBlocks,
               scalar::AcrossCodeBlocks, scalar::Fp4CodeBlocks},
};

}  // namespace tael
