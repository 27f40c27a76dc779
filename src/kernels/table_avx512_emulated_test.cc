// The code of the AVX-512 table, compiled a second time with every intrinsic replaced by plain
// C++, so that its bits can be compared with the scalar table's on any x86-64 machine. It is part
// of the test program only.
#if defined(__x86_64__)
#include "kernels/avx512_emulation_test_support.h"
#include "kernels/kernel_test_support.h"
#include "kernels/table_headers.h"

#define TAEL_ISA avx512_emulated

#include "kernels/isa/avx512_kernels.h"

namespace tael {
namespace {

// Without registers there is nothing to flush denormals in.
void ScalarBf16Product(const Bf16Rows& x, const uint8_t* w, size_t row_bytes, size_t n, float* y,
                       size_t ldy) noexcept {
  ScalarTable().matmul_bf16(x, w, row_bytes, n, y, ldy);
}

}  // namespace

const KernelTable kAvx512EmulatedTable = {
    .name = "avx512_emulated",
    .matmul_float = avx512_emulated::MatmulFloatOrColumns,
    .matmul_transposed = avx512_emulated::MatmulTransposedOrColumns,
    .matmul_float8 = avx512_emulated::MatmulFloat8,
    .matmul_bf16 = ScalarBf16Product,
    .quantize_rows = avx512_emulated::QuantizeRows,
    .matmul_integer = avx512_emulated::MatmulInteger,
    .matmul_interleaved = MatmulInterleavedAvx512Emulated,
    .matmul_codes = avx512_emulated::MatmulCodes,
    .rms_norm = avx512_emulated::RmsNorm,
    .rope = avx512_emulated::Rope,
    .add = avx512_emulated::Add,
    .silu_multiply = avx512_emulated::SiluMultiply,
    .gelu_tanh_multiply = avx512_emulated::GeluTanhMultiply,
    .clamped_silu_multiply = avx512_emulated::ClampedSiluMultiply,
    .silu = avx512_emulated::Silu,
    .sigmoid_multiply = avx512_emulated::SigmoidMultiply,
    .delta_rule = avx512_emulated::DeltaRule,
    .attention = avx512_emulated::Attention,
    .to_cache = avx512_emulated::ToCache,
    .softmax_numerators = avx512_emulated::SoftmaxNumerators,
    .exp = avx512_emulated::ExpArray,
    .decode_row = avx512_emulated::DecodeStoredRow,
    .packed = {avx512_emulated::ByteCodeRows, avx512_emulated::WordCodeRows,
               avx512_emulated::AcrossCodeRows, avx512_emulated::Fp4CodeRows,
               avx512_emulated::ByteCodeBlocks, avx512_emulated::WordCodeBlocks,
               avx512_emulated::AcrossCodeBlocks, avx512_emulated::Fp4CodeBlocks},
};

}  // namespace tael
#endif
