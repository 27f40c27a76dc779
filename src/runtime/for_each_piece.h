// Pieces of work that may fail, on all workers.
#pragma once

#include <cstdint>
#include <functional>

#include "runtime/worker_pool.h"

namespace tael {

// Calls fn(piece) for every piece in [0, count): workers take the next one as they become free.
// After an exception no more pieces begin; the first one is thrown when all workers have stopped.
void ForEachPiece(WorkerPool& pool, int64_t count, const std::function<void(int64_t)>& fn);

}  // namespace tael
