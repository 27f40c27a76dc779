// Tensors on their way into a file in another type, rows at a time on all workers.
#pragma once

#include <vector>

#include "adapt/plan.h"
#include "kernels/block_encoders.h"
#include "runtime/worker_pool.h"

namespace tael {

// Rows of `count` values in any type that can be written. `importance`: as for BlockEncoders, or
// null. Without importance Q4_0 to Q5_1 are rounded as GGML's reference does, to the same bytes.
void QuantiseRow(const BlockEncoders& encoders, DType dtype, const float* values,
                 const float* importance, int64_t count, uint8_t* out) noexcept;

// What encodes; the bytes do not depend on any of the first three.
struct Quantiser {
  WorkerPool& pool;
  const BlockEncoders& encoders;
  decltype(KernelTable::decode_row) decode = DecodeRow;
  const Importance* importance = nullptr;
  bool search = false;  // also where GGML's reference rounds (Q4_0 to Q5_1): other bytes than its
};

// The tensors as `plan` wants them, in its order; memory for some millions of weights at a time.
// The sources throw kCorrupt, naming the tensor, for values that are no finite numbers, and
// kUnsupported for those that blocks cannot hold. REQUIRES: `plan` is of these tensors.
std::vector<TensorSource> Quantised(std::vector<TensorSource> tensors,
                                    const std::vector<PlannedTensor>& plan,
                                    const Quantiser& quantiser);

}  // namespace tael
