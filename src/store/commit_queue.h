// Tasks that change the database, committed in groups: one wait for the disk for all that came
// during the last.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <vector>

#include "store/sqlite.h"

namespace tael {

struct StoreTask {
  std::function<void(SqlDatabase&)> work;        // what it throws undoes this task alone
  std::function<void(std::exception_ptr)> done;  // behind the commit; must not throw
  bool changes_keys = false;
};

// Any thread.
class CommitQueue {
 public:
  // False when too many wait already, or after Close(): nothing will call `done` then.
  bool Push(StoreTask task);
  // Waits at most `timeout` for tasks. Empty without one, or after Close().
  std::vector<StoreTask> Take(std::chrono::milliseconds timeout);
  void Close();
  bool closed() const;

 private:
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<StoreTask> tasks_;
  bool closed_ = false;
};

// One transaction. Returns for each task why it failed, or null.
std::vector<std::exception_ptr> CommitTogether(SqlDatabase& database,
                                               const std::vector<StoreTask>& tasks);

}  // namespace tael
