#include "store/schema.h"

#include <array>

#include "base/error.h"
#include "base/file.h"

namespace tael {
namespace {

constexpr int64_t kApplicationId = 0x7461656c;  // "tael", in the header of the file

// Step n makes version n + 1 out of version n. Steps that were released never change.
// Times are milliseconds since 1970, 0 = never; lists are JSON.
constexpr std::array<const char*, 1> kSteps = {R"sql(
CREATE TABLE keys (
  id TEXT PRIMARY KEY, hash TEXT NOT NULL, name TEXT NOT NULL,
  scopes TEXT NOT NULL, models TEXT NOT NULL,
  requests_per_minute INTEGER NOT NULL, tokens_per_minute INTEGER NOT NULL,
  tokens_in_all INTEGER NOT NULL, concurrent INTEGER NOT NULL,
  priority INTEGER NOT NULL, sharing_group TEXT NOT NULL,
  created INTEGER NOT NULL, expires INTEGER NOT NULL, revoked INTEGER NOT NULL,
  last_used INTEGER NOT NULL
) WITHOUT ROWID, STRICT;
CREATE UNIQUE INDEX keys_by_name ON keys (name) WHERE revoked = 0;
CREATE TABLE responses (
  id TEXT PRIMARY KEY, owner TEXT NOT NULL, parent TEXT,
  created INTEGER NOT NULL, expires INTEGER NOT NULL,
  bytes INTEGER NOT NULL, input TEXT NOT NULL, output TEXT NOT NULL
) STRICT;
CREATE INDEX responses_by_owner ON responses (owner, expires, bytes);
CREATE INDEX responses_by_expiry ON responses (expires);
CREATE TABLE usage (
  key TEXT NOT NULL, model TEXT NOT NULL, day INTEGER NOT NULL,
  requests INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,
  PRIMARY KEY (key, model, day)
) WITHOUT ROWID, STRICT;
)sql"};

// Beyond this, checking every page takes too long for a start; damage is then found where it is
// met.
constexpr int64_t kCheckedBytes = int64_t{64} << 20;

void RequireWhole(SqlDatabase& database) {
  if (FileSize(database.path()) > kCheckedBytes) return;
  SqlStatement check = database.Query("PRAGMA quick_check(1)");
  const std::string verdict = check.Step() ? check.Text(0) : "no answer";
  if (verdict == "ok") return;
  Fail(ErrorCode::kCorrupt,
       "{}: a damaged database: {}. Hint: put a backup in its place, or move it away to begin with "
       "an empty one",
       database.path(), verdict);
}

}  // namespace

void PrepareSchema(SqlDatabase& database) {
  RequireWhole(database);
  // Another process may be doing the same.
  database.Transaction([&] {
    const int64_t version = database.IntOf("PRAGMA user_version");
    const int64_t id = database.IntOf("PRAGMA application_id");
    const bool empty =
        version == 0 && id == 0 && database.IntOf("SELECT count(*) FROM sqlite_schema") == 0;
    if (!empty && id != kApplicationId) {
      Fail(ErrorCode::kCorrupt, "{}: a database of another program", database.path());
    }
    if (version > static_cast<int64_t>(kSteps.size())) {
      Fail(ErrorCode::kUnsupported,
           "{}: made by a newer Tael: version {}, known are those up to {}", database.path(),
           version, kSteps.size());
    }
    if (version == static_cast<int64_t>(kSteps.size())) return;
    for (size_t step = static_cast<size_t>(version); step < kSteps.size(); ++step) {
      database.Execute(kSteps.at(step));
    }
    database.Execute("PRAGMA application_id = " + std::to_string(kApplicationId));
    database.Execute("PRAGMA user_version = " + std::to_string(kSteps.size()));
  });
}

}  // namespace tael
