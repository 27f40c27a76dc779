// What a server keeps on the disk: keys, responses, usage. One SQLite file, one thread that writes.
#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "store/key.h"
#include "store/response_table.h"
#include "store/usage_table.h"

namespace tael {

struct StoreOptions {
  std::string path;  // made, with its folder, when it is not there; readable by its owner only
  ResponseLimits responses;
  std::chrono::milliseconds flush{2000};   // usage is written together after that
  std::chrono::milliseconds refresh{500};  // after that, keys are as another process changed them
  int busy_ms = 5000;                      // that another process may hold the file
  std::function<int64_t()> now_ms = NowMs;
  // Called on any thread, once for each new text: what could not be read or written, and will be
  // tried again; or, at the end, what is lost.
  std::function<void(const std::string&)> on_problem;
};

struct MadeKey {
  KeyRecord record;
  std::string text;  // shown once: it is kept nowhere
};

// Every method may be called from any thread. Methods that wait for the disk say so; others never
// do. They throw what SqlDatabase throws. Several processes may use one file.
class Store {
 public:
  // Waits. Throws as SqlDatabase and PrepareSchema().
  explicit Store(const StoreOptions& options);
  // Waits until everything is written.
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Waits until it is on the disk. Throws as RequireValid(); kInvalidArgument: the name is taken.
  MadeKey CreateKey(const KeySpec& spec);
  // Waits; from its return on the key finds nobody. Null when there is none of that id.
  std::shared_ptr<const KeyRecord> RevokeKey(const std::string& id);
  // Waits. The oldest first, revoked ones too.
  std::vector<KeyRecord> ListKeys();
  // Null when there is none of that id.
  std::shared_ptr<const KeyRecord> FindKey(const std::string& id) const;
  // The key with that text, if it is neither revoked nor expired; else null.
  std::shared_ptr<const KeyRecord> Authenticate(std::string_view text) const;
  // Whether some key is neither revoked nor expired.
  bool HasKeys() const;

  // Written within `flush`, and at the end of the store.
  void CountUsage(const std::string& key, const std::string& model, const UsageCounts& counts);
  // Of a key, in all, with what is not written yet.
  int64_t TokensUsed(const std::string& key) const;
  // Waits. Of the days `first` to `last` (DayOf()), both included.
  UsageMap ListUsage(int64_t first_day, int64_t last_day);

  // `done` is called on the store's thread, without an exception once the response is on the disk,
  // or with why it will not be (as InsertResponse(); kExhausted: too many wait). It must not block.
  using Done = std::function<void(std::exception_ptr)>;
  void PutResponse(StoredResponse response, Done done);
  // These wait. As their namesakes in response_table.h.
  std::optional<StoredResponse> GetResponse(const std::string& owner, const std::string& id);
  std::vector<StoredResponse> GetChain(const std::string& owner, const std::string& id);
  bool DeleteResponse(const std::string& owner, const std::string& id);

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace tael
