// What every operation needs besides its tensors: threads, kernels and scratch memory.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/kernel_table.h"
#include "ops/matmul_mode.h"
#include "runtime/arena.h"
#include "runtime/worker_pool.h"

namespace tael {

class ActivationObserver;  // ops/activation_observer.h
struct AdapterRows;        // ops/adapt.h
class InterleavedWeights;  // ops/interleaved_weights.h
class Profile;             // ops/profile.h

// What the router of one layer decided, for checks: the experts of each token in ascending order.
struct RouterRecord {
  int experts_per_token = 0;
  std::vector<int32_t> experts;  // [T * experts_per_token]
  std::vector<float> weights;    // of the same shape
};

// How many items a part of a parallel loop must have at least so that it is worth a thread; a
// multiple of `unit`.
inline int64_t GrainFor(int64_t worth_a_thread, int64_t operations_per_item, int64_t unit) {
  const int64_t items = worth_a_thread / (operations_per_item > 0 ? operations_per_item : 1);
  return items <= unit ? unit : (items + unit - 1) / unit * unit;
}

// Operations touch tensors only inside ParallelFor: with an imagined pool they allocate what they
// need and compute nothing, which is how memory is planned (engine/memory_plan.h).
struct ComputeContext {
  WorkerPool& pool;
  const KernelTable& kernels;
  Arena& arena;
  MatmulMode matmul = MatmulMode::kInteger;
  // Elementary operations that take as long as waking a thread: less is not worth another one.
  int64_t worth_a_thread = 50'000;
  // What products read instead of rows of the file; null: nothing.
  const InterleavedWeights* interleaved = nullptr;
  int64_t expert_bytes = 0;  // of routed experts' weights, counted where they are read
  const AdapterRows* adapters =
      nullptr;  // of the rows at hand; null: no row is adapted (AdapterScope)
  std::vector<RouterRecord>* routers = nullptr;  // receives one record per layer with experts
  ActivationObserver* observer = nullptr;        // sees the rows of every Matmul(); null: nobody
  Profile* profile = nullptr;  // receives the time of every operation; null: no clock is read

  int64_t GrainFor(int64_t operations_per_item, int64_t unit = 1) const {
    return tael::GrainFor(worth_a_thread, operations_per_item, unit);
  }
};

}  // namespace tael
