// Keys as of the last look at the database, and the tokens they used: answers without the disk.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "store/key.h"
#include "store/usage_table.h"

namespace tael {

// Usage that is not written yet.
struct UnwrittenUsage {
  UsageMap usage;
  std::map<std::string, int64_t> last_used_ms;  // by key
  bool empty() const { return usage.empty() && last_used_ms.empty(); }
};

// Any thread.
class KeySnapshot {
 public:
  // `tokens`: of each key, as written.
  void Replace(const std::vector<KeyRecord>& keys, std::map<std::string, int64_t> tokens);
  std::shared_ptr<const KeyRecord> Find(const std::string& id) const;
  bool HasValid(int64_t now_ms) const;

  void Count(const UsagePlace& place, const UsageCounts& counts, int64_t now_ms);
  int64_t TokensUsed(const std::string& key) const;
  // Takes what is to be written; what could not be comes back.
  UnwrittenUsage TakeUnwritten();
  bool HasUnwritten() const;
  void PutBack(const UnwrittenUsage& unwritten);

 private:
  mutable std::mutex mutex_;  // guards what follows
  std::unordered_map<std::string, std::shared_ptr<const KeyRecord>> keys_;
  std::map<std::string, int64_t> tokens_;  // with what is not written yet
  UnwrittenUsage unwritten_;
};

}  // namespace tael
