// What every operation needs besides its tensors: threads, kernels and scratch memory.
#pragma once

#include "kernels/kernel_table.h"
#include "runtime/arena.h"
#include "runtime/worker_pool.h"

namespace tael {

struct ComputeContext {
  WorkerPool& pool;
  const KernelTable& kernels;
  Arena& arena;
  bool integer_matmul = true;  // false: every weight is decoded to float32 (--matmul float)
};

}  // namespace tael
