#include "store/store.h"

#include <fmt/format.h>

#include <future>
#include <mutex>
#include <thread>
#include <utility>

#include "base/error.h"
#include "store/commit_queue.h"
#include "store/key_snapshot.h"
#include "store/key_table.h"
#include "store/schema.h"
#include "store/sqlite.h"

namespace tael {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kSweepEvery{60};
constexpr int64_t kSweepAtOnce = 1000;

std::string TextOf(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  }
}

}  // namespace

class Store::Core {
 public:
  explicit Core(const StoreOptions& options)
      : options_(options),
        writer_(Prepared(options), options.busy_ms),
        reader_(options.path, options.busy_ms) {
    Reload();
    thread_ = std::thread([this] { Run(); });
  }
  ~Core() {
    queue_.Close();
    thread_.join();
  }
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  // `done` always comes, here when there is no place for the task.
  void Submit(StoreTask task) {
    const Done done = task.done;
    if (queue_.Push(std::move(task))) return;
    done(std::make_exception_ptr(
        Error(ErrorCode::kExhausted,
              fmt::format("{}: too much waits for the disk; try again", options_.path))));
  }

  // Waits for the commit; throws what `work` or the commit throws.
  void Do(std::function<void(SqlDatabase&)> work, bool changes_keys = false) {
    Await([&](Done done) { Submit({std::move(work), std::move(done), changes_keys}); });
  }
  // The same for a task that sees all usage up to now.
  void DoWithUsage(std::function<void(SqlDatabase&)> work) {
    Await([&](Done done) { Submit(UsageTask(std::move(work), std::move(done))); });
  }

  template <typename Work>
  auto Read(const Work& work) {
    const std::lock_guard lock(read_mutex_);
    return work(reader_);
  }

  const StoreOptions& options() const { return options_; }
  KeySnapshot& keys() { return keys_; }
  int64_t now() const { return options_.now_ms(); }

  // In a task: what was counted so far. The caller puts it back if the task fails.
  void WriteUsage(SqlDatabase& database, UnwrittenUsage* written) {
    *written = keys_.TakeUnwritten();
    AddUsage(database, written->usage);
    for (const auto& [key, ms] : written->last_used_ms) TouchKey(database, key, ms);
  }

  // A task that writes usage, then does `work`.
  StoreTask UsageTask(std::function<void(SqlDatabase&)> work, Done done) {
    auto written = std::make_shared<UnwrittenUsage>();
    return {[this, written, work = std::move(work)](SqlDatabase& database) {
              WriteUsage(database, written.get());
              work(database);
            },
            [this, written, done = std::move(done)](const std::exception_ptr& error) {
              if (error) keys_.PutBack(*written);
              done(error);
            },
            false};
  }

 private:
  template <typename Start>
  static void Await(const Start& start) {
    // Shared: the other thread may still be in set_value() when this one goes on.
    const auto promise = std::make_shared<std::promise<void>>();
    start([promise](const std::exception_ptr& error) {
      error ? promise->set_exception(error) : promise->set_value();
    });
    promise->get_future().get();
  }

  static std::string Prepared(const StoreOptions& options) {
    SqlDatabase database(options.path, options.busy_ms);
    PrepareSchema(database);
    return options.path;
  }

  void Run() {
    Clock::time_point flush = Clock::now() + options_.flush, sweep = Clock::now();
    for (bool more = true; more;) {
      const bool closed = queue_.closed();  // before Take(): nothing comes behind it
      std::vector<StoreTask> tasks = queue_.Take(options_.refresh);
      more = !closed || !tasks.empty();
      const Clock::time_point now = Clock::now();
      if (keys_.HasUnwritten() && (now >= flush || !more)) {
        flush = now + options_.flush;
        tasks.push_back(UsageTask([](SqlDatabase&) {},
                                  [this, more](const auto& error) {
                                    if (error)
                                      Report(more ? "usage is not written yet" : "usage is lost",
                                             error);
                                  }));
      }
      if (now >= sweep) {
        sweep = now + kSweepEvery;
        tasks.push_back(SweepTask());
      }
      Commit(tasks);
      Refresh();
    }
  }

  StoreTask SweepTask() {
    return {[this](SqlDatabase& database) { SweepResponses(database, now(), kSweepAtOnce); },
            [this](const auto& error) {
              if (error) Report("old responses are still there", error);
            },
            false};
  }

  void Commit(const std::vector<StoreTask>& tasks) {
    if (tasks.empty()) return;
    std::vector<std::exception_ptr> errors = CommitTogether(writer_, tasks);
    bool changed = false;
    for (size_t i = 0; i < tasks.size(); ++i) {
      // First those that failed: what they put back is part of what is loaded.
      if (errors[i]) tasks[i].done(errors[i]);
      changed |= tasks[i].changes_keys && !errors[i];
    }
    const std::exception_ptr unseen = changed ? TryReload() : nullptr;
    for (size_t i = 0; i < tasks.size(); ++i) {
      if (!errors[i]) tasks[i].done(tasks[i].changes_keys ? unseen : nullptr);
    }
  }

  // Whether another process wrote since the last look.
  void Refresh() {
    try {
      if (writer_.IntOf("PRAGMA data_version") == seen_version_) return;
    } catch (const std::exception&) {
      return Report("keys may have changed", std::current_exception());
    }
    TryReload();
  }

  std::exception_ptr TryReload() {
    try {
      Reload();
      return nullptr;
    } catch (const std::exception&) {
      seen_version_ = -1;  // Refresh() tries again
      Report("keys may have changed", std::current_exception());
      return std::current_exception();
    }
  }

  void Reload() {
    const int64_t version = writer_.IntOf("PRAGMA data_version");
    keys_.Replace(SelectKeys(writer_), SumTokens(writer_));
    seen_version_ = version;
  }

  void Report(const char* what, const std::exception_ptr& error) {
    const std::string text = fmt::format("{}: {}", what, TextOf(error));
    if (text == std::exchange(reported_, text)) return;
    if (options_.on_problem) options_.on_problem(text);
  }

  const StoreOptions options_;
  KeySnapshot keys_;
  CommitQueue queue_;
  SqlDatabase writer_;  // of the thread, once it runs
  std::mutex read_mutex_;
  SqlDatabase reader_;
  int64_t seen_version_ = 0;
  std::string reported_;
  std::thread thread_;
};

Store::Store(const StoreOptions& options) : core_(std::make_unique<Core>(options)) {}

Store::~Store() = default;

MadeKey Store::CreateKey(const KeySpec& spec) {
  RequireValid(spec);
  const KeyText text = MakeKeyText();
  MadeKey made{{spec, text.id, text.hash, core_->now(), 0, 0}, text.text};
  core_->Do([&](SqlDatabase& database) { InsertKey(database, made.record); }, true);
  return made;
}

std::shared_ptr<const KeyRecord> Store::RevokeKey(const std::string& id) {
  core_->Do([&](SqlDatabase& database) { tael::RevokeKey(database, id, core_->now()); }, true);
  return FindKey(id);
}

std::vector<KeyRecord> Store::ListKeys() {
  std::vector<KeyRecord> keys;
  core_->DoWithUsage([&](SqlDatabase& database) { keys = SelectKeys(database); });
  return keys;
}

std::shared_ptr<const KeyRecord> Store::FindKey(const std::string& id) const {
  return core_->keys().Find(id);
}

std::shared_ptr<const KeyRecord> Store::Authenticate(std::string_view text) const {
  const auto id = KeyIdOf(text);
  auto key = id ? core_->keys().Find(*id) : nullptr;
  if (key == nullptr || !Matches(*key, text) || !key->IsValid(core_->now())) return nullptr;
  return key;
}

bool Store::HasKeys() const { return core_->keys().HasValid(core_->now()); }

void Store::CountUsage(const std::string& key, const std::string& model,
                       const UsageCounts& counts) {
  const int64_t now = core_->now();
  core_->keys().Count({key, model, DayOf(now)}, counts, now);
}

int64_t Store::TokensUsed(const std::string& key) const { return core_->keys().TokensUsed(key); }

UsageMap Store::ListUsage(int64_t first_day, int64_t last_day) {
  UsageMap usage;
  core_->DoWithUsage(
      [&](SqlDatabase& database) { usage = SelectUsage(database, first_day, last_day); });
  return usage;
}

void Store::PutResponse(StoredResponse response, Done done) {
  auto kept = std::make_shared<const StoredResponse>(std::move(response));
  core_->Submit({[kept, core = core_.get()](SqlDatabase& database) {
                   InsertResponse(database, *kept, core->options().responses);
                 },
                 std::move(done), false});
}

std::optional<StoredResponse> Store::GetResponse(const std::string& owner, const std::string& id) {
  return core_->Read(
      [&](SqlDatabase& database) { return SelectResponse(database, owner, id, core_->now()); });
}

std::vector<StoredResponse> Store::GetChain(const std::string& owner, const std::string& id) {
  return core_->Read([&](SqlDatabase& database) {
    return SelectChain(database, owner, id, core_->now(), core_->options().responses);
  });
}

bool Store::DeleteResponse(const std::string& owner, const std::string& id) {
  bool deleted = false;
  core_->Do([&](SqlDatabase& database) {
    deleted = tael::DeleteResponse(database, owner, id, core_->now());
  });
  return deleted;
}

}  // namespace tael
