#include "store/key_snapshot.h"

#include <algorithm>
#include <utility>

namespace tael {

void KeySnapshot::Replace(const std::vector<KeyRecord>& keys,
                          std::map<std::string, int64_t> tokens) {
  std::unordered_map<std::string, std::shared_ptr<const KeyRecord>> by_id;
  for (const KeyRecord& key : keys) by_id[key.id] = std::make_shared<const KeyRecord>(key);
  const std::lock_guard lock(mutex_);
  for (const auto& [place, counts] : unwritten_.usage) tokens[place.key] += counts.tokens();
  keys_.swap(by_id);
  tokens_.swap(tokens);
}

std::shared_ptr<const KeyRecord> KeySnapshot::Find(const std::string& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = keys_.find(id);
  return found == keys_.end() ? nullptr : found->second;
}

bool KeySnapshot::HasValid(int64_t now_ms) const {
  const std::lock_guard lock(mutex_);
  return std::any_of(keys_.begin(), keys_.end(),
                     [&](const auto& entry) { return entry.second->IsValid(now_ms); });
}

void KeySnapshot::Count(const UsagePlace& place, const UsageCounts& counts, int64_t now_ms) {
  const std::lock_guard lock(mutex_);
  unwritten_.usage[place] += counts;
  tokens_[place.key] += counts.tokens();
  int64_t& last = unwritten_.last_used_ms[place.key];
  last = std::max(last, now_ms);
}

int64_t KeySnapshot::TokensUsed(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = tokens_.find(key);
  return found == tokens_.end() ? 0 : found->second;
}

UnwrittenUsage KeySnapshot::TakeUnwritten() {
  const std::lock_guard lock(mutex_);
  return std::exchange(unwritten_, {});
}

bool KeySnapshot::HasUnwritten() const {
  const std::lock_guard lock(mutex_);
  return !unwritten_.empty();
}

void KeySnapshot::PutBack(const UnwrittenUsage& unwritten) {
  const std::lock_guard lock(mutex_);
  for (const auto& [place, counts] : unwritten.usage) unwritten_.usage[place] += counts;
  for (const auto& [key, ms] : unwritten.last_used_ms) {
    int64_t& last = unwritten_.last_used_ms[key];
    last = std::max(last, ms);
  }
}

}  // namespace tael
