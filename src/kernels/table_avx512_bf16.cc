// The AVX-512 table with the pair products of AVX512-BF16, for Cooper Lake, Sapphire Rapids and
// Zen 4 and later (docs/decisions/0038-bf16-products.md).
#if defined(__x86_64__)
#include "kernels/table_headers.h"

#define TAEL_ISA avx512_bf16

#pragma GCC diagnostic push
// GCC 12 takes the don't-care operands inside its own intrinsics for a mistake.
#pragma GCC diagnostic ignored "-Wuninitialized"
// clang-format off
#include "kernels/isa/target_avx512_bf16_begin.h"
#include "kernels/isa/unroll.h"
#include "kernels/isa/avx512.h"
#include "kernels/isa/x86_flush.h"
#include "kernels/isa/avx512_pairs.h"
#include "kernels/isa/avx512_bf16_dot.h"
#include "kernels/impl/bf16_product.inl.h"
#include "kernels/impl/matmul_bf16_pairs.inl.h"
#include "kernels/isa/target_end.h"
// clang-format on
#pragma GCC diagnostic pop

namespace tael {

const KernelTable& Avx512Bf16Table() {
  static const KernelTable table = [] {
    KernelTable bf16 = kAvx512Table;
    bf16.name = "avx512_bf16";
    bf16.extends = kAvx512Table.name;
    bf16.matmul_bf16 = avx512_bf16::MatmulBf16InPairs;
    return bf16;
  }();
  return table;
}

}  // namespace tael
#endif
