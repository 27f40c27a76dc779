#include "runtime/for_each_piece.h"

#include <atomic>
#include <exception>
#include <mutex>

namespace tael {

void ForEachPiece(WorkerPool& pool, int64_t count, const std::function<void(int64_t)>& fn) {
  std::atomic<int64_t> next = 0;
  std::mutex mutex;
  std::exception_ptr failure;
  pool.ParallelFor(pool.size(), 1, [&](int64_t, int64_t) {
    try {
      for (int64_t piece = next++; piece < count; piece = next++) fn(piece);
    } catch (...) {
      next = count;
      const std::lock_guard<std::mutex> lock(mutex);
      if (!failure) failure = std::current_exception();
    }
  });
  if (failure) std::rethrow_exception(failure);
}

}  // namespace tael
