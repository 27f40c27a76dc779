// A fixed set of threads that split loops statically. The caller is worker 0.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/function_ref.h"

namespace tael {

// CPUs this process may run on: its affinity mask, limited by the cgroup's CPU quota. At least 1.
int AvailableCpus();

// What a loop does with a part [begin, end).
using LoopBody = FunctionRef<void(int64_t begin, int64_t end)>;

// Where and how workers wait. Nothing of it shows in a result.
struct PoolOptions {
  // How long a worker looks for the next loop before it sleeps; 0: not at all. Nobody looks where
  // there are more workers than CPUs.
  int spin_microseconds = 100;
  // The CPUs that each worker may run on, the caller's first; empty: wherever the process may run.
  // One entry per worker otherwise. The caller gets its own back when the pool ends; threads that
  // it starts meanwhile inherit its place. A CPU that cannot be had is no error.
  std::vector<std::vector<int>> places = {};
};

// The places of PlanNuma() for `threads` workers (0: as many as AvailableCpus()) where they are as
// many as the CPUs that may be used, or on several nodes; otherwise the system places them: empty.
std::vector<std::vector<int>> DefaultPlaces(int threads);

class WorkerPool {
 public:
  // `threads` workers including the caller; 0 = AvailableCpus(). Throws kExhausted when the system
  // starts no more threads. REQUIRES: 0 <= threads <= 1024.
  explicit WorkerPool(int threads, const PoolOptions& options = {});
  // A pool of `threads` workers that runs nothing: for walking through operations only to see what
  // they would allocate.
  struct Imagined {
    int threads;
  };
  explicit WorkerPool(Imagined imagined);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  int size() const { return size_; }
  // Loops so far in which several workers took part: each ends in a barrier.
  int64_t barriers() const { return barriers_; }
  // Into how many parts ParallelFor() of a pool of `size` workers cuts a loop. REQUIRES: grain > 0,
  // size > 0.
  static int64_t PartsOf(int64_t count, int64_t grain, int size);

  // Cuts [0, count) into at most size() contiguous parts whose borders are multiples of `grain`,
  // and runs fn(begin, end) for each at the same time. Returns when all are done. `fn` must not
  // throw and must not call ParallelFor. Results must not depend on where the borders fall.
  void ParallelFor(int64_t count, int64_t grain, LoopBody fn);

 private:
  struct State;
  void Start(const PoolOptions& options);
  void Stop();

  int size_;
  int64_t barriers_ = 0;
  std::unique_ptr<State> state_;  // null: imagined
};

}  // namespace tael
