#include "store/commit_queue.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace tael {
namespace {

constexpr size_t kMostWaiting = 4096;
constexpr size_t kMostTogether = 256;

}  // namespace

bool CommitQueue::Push(StoreTask task) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || tasks_.size() >= kMostWaiting) return false;
    tasks_.push_back(std::move(task));
  }
  changed_.notify_one();
  return true;
}

std::vector<StoreTask> CommitQueue::Take(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, timeout, [&] { return closed_ || !tasks_.empty(); });
  const auto count = static_cast<std::ptrdiff_t>(std::min(tasks_.size(), kMostTogether));
  std::vector<StoreTask> taken(std::make_move_iterator(tasks_.begin()),
                               std::make_move_iterator(tasks_.begin() + count));
  tasks_.erase(tasks_.begin(), tasks_.begin() + count);
  return taken;
}

void CommitQueue::Close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

bool CommitQueue::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

std::vector<std::exception_ptr> CommitTogether(SqlDatabase& database,
                                               const std::vector<StoreTask>& tasks) {
  std::vector<std::exception_ptr> errors(tasks.size());
  try {
    database.Transaction([&] {
      for (size_t i = 0; i < tasks.size(); ++i) {
        database.Execute("SAVEPOINT task");
        try {
          tasks[i].work(database);
        } catch (...) {
          errors[i] = std::current_exception();
          // A full disk ends the whole transaction, with the tasks before this one.
          if (!database.InTransaction()) throw;
          database.Execute("ROLLBACK TO task");
        }
        database.Execute("RELEASE task");
      }
    });
  } catch (...) {
    for (std::exception_ptr& error : errors) {
      if (!error) error = std::current_exception();
    }
  }
  return errors;
}

}  // namespace tael
