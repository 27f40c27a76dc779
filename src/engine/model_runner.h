// A model with everything a step needs: kernels, threads, scratch memory and the cache.
#pragma once

#include "kernels/kernel_table.h"
#include "kv/batch.h"
#include "kv/kv_cache.h"
#include "model/decoder.h"
#include "model/model.h"
#include "ops/compute_context.h"
#include "runtime/worker_pool.h"

namespace tael {

enum class MatmulMode {
  kInteger,  // block formats multiply with 8-bit activations (default)
  kFloat,    // every weight is decoded, arithmetic in float32
};

struct RunnerOptions {
  int threads = 0;  // 0 = every CPU this process may use
  MatmulMode matmul = MatmulMode::kInteger;
  DType kv_dtype = DType::kF16;          // kF32, kF16, kBF16, kQ8_0
  const KernelTable* kernels = nullptr;  // nullptr = SelectKernelTable()
  int64_t worth_a_thread = 50'000;       // ComputeContext; 0 = always split (tests)
};

// Cache blocks that hold `positions` positions.
constexpr int BlocksFor(int positions) {
  return (positions + kKvBlockPositions - 1) / kKvBlockPositions;
}

// Positions a sequence may have: `requested`, or (0) the smaller of the model's limit and 4096.
// Throws kInvalidArgument when the model was trained for fewer.
int ResolveContext(const Model& model, int requested);

// Not thread-safe. The model must outlive it.
class ModelRunner {
 public:
  // Throws kInvalidArgument (bad option, or a cache type that does not fit the model's heads),
  // kExhausted (memory). REQUIRES: kv_blocks > 0.
  ModelRunner(const Model& model, const RunnerOptions& options, int kv_blocks);

  // Evaluates the batch. The logits [logit_rows, V] are valid until the next call. `recorder` may
  // be null.
  MatrixView<const float> Forward(const Batch& batch, HiddenRecorder* recorder = nullptr);

  const Model& model() const { return model_; }
  const KernelTable& kernels() const { return *kernels_; }
  int threads() const { return pool_.size(); }
  // The threads that compute, for measuring what they can do. Not while Forward() runs.
  WorkerPool& pool() { return pool_; }

 private:
  const Model& model_;
  bool integer_matmul_;
  int64_t worth_a_thread_;
  const KernelTable* kernels_;
  WorkerPool pool_;
  Arena arena_;
  KvCache cache_;
};

}  // namespace tael
