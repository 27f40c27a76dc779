// A fixed set of threads that split loops statically. The caller is worker 0.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace tael {

// CPUs this process may run on: its affinity mask, limited by the cgroup's CPU quota. At least 1.
int AvailableCpus();

class WorkerPool {
 public:
  // `threads` workers including the caller; 0 = AvailableCpus(). Throws kExhausted when the system
  // starts no more threads. REQUIRES: 0 <= threads <= 1024.
  explicit WorkerPool(int threads);
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
  // Into how many parts ParallelFor() of a pool of `size` workers cuts a loop. REQUIRES: grain > 0,
  // size > 0.
  static int64_t PartsOf(int64_t count, int64_t grain, int size);

  // Cuts [0, count) into at most size() contiguous parts whose borders are multiples of `grain`,
  // and runs fn(begin, end) for each at the same time. Returns when all are done. `fn` must not
  // throw and must not call ParallelFor. Results must not depend on where the borders fall.
  void ParallelFor(int64_t count, int64_t grain, const std::function<void(int64_t, int64_t)>& fn);

 private:
  struct State;
  void Stop();

  int size_;
  std::unique_ptr<State> state_;  // null: imagined
};

}  // namespace tael
