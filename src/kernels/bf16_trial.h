// Whether a processor's BF16 products are those of docs/numerics.md, 17: manuals of the
// instructions contradict each other, so it is tried.
#pragma once

#include "kernels/kernel_table.h"

namespace tael {

// Whether a small product has the bits of the scalar table's: numbers of very different size, sums
// that become denormal, odd sizes. `arrange` may be null.
bool Bf16ProductAgrees(decltype(KernelTable::matmul_bf16) product,
                       decltype(KernelTable::arrange_bf16) arrange);

}  // namespace tael
