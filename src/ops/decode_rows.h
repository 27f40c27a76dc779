// Rows of any weight in float32: the one way to get values out of a Weight.
#pragma once

#include "kernels/kernel_table.h"
#include "tensor/weight.h"

namespace tael {

// out [count, w.k] = rows first, first + 1, ... of `w`, whatever it is stored as. Any table gives
// the same bits. REQUIRES: 0 <= first, first + count <= w.n. Reads the weight's bytes, so
// operations call it inside ParallelFor() only.
void DecodeRows(const Weight& w, int64_t first, int64_t count, const KernelTable& kernels,
                float* out) noexcept;

}  // namespace tael
