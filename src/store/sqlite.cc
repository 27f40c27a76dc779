#include "store/sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/file.h"

namespace tael {
namespace {

[[noreturn]] void FailWith(int code, const char* what, const std::string& path) {
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      Fail(ErrorCode::kCorrupt,
           "{}: no database, or a damaged one: {}. Hint: put a backup in its place, or move it "
           "away to begin with an empty one",
           path, what);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      Fail(ErrorCode::kUnavailable,
           "{}: locked by another process. Hint: try again; `fuser` names who holds it", path);
    case SQLITE_FULL:
      Fail(ErrorCode::kExhausted, "{}: the disk is full", path);
    case SQLITE_TOOBIG:
      Fail(ErrorCode::kExhausted, "{}: a value is too large", path);
    case SQLITE_NOMEM:
      throw std::bad_alloc();
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_IOERR:
    case SQLITE_PROTOCOL:
      Fail(ErrorCode::kUnavailable,
           "{}: cannot be used: {}. Needed: a local file and its folder, both writable", path,
           what);
    default:
      Fail(ErrorCode::kInternal, "{}: {} ({})", path, what, code);
  }
}

[[noreturn]] void CannotOpen(const std::string& path) {
  Fail(ErrorCode::kUnavailable, "{}: cannot be opened for reading and writing: {}", path,
       std::strerror(errno));
}

// SQLite gives its own files beside it the same rights. Only a new file is opened: closing any
// descriptor of a file gives up all locks that this process has on it, those of its other
// connections to the same database too.
void MakePrivate(const std::string& path) {
  const int made = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (made >= 0) {
    close(made);
    return;
  }
  struct stat state{};
  const bool ok = errno == EEXIST && access(path.c_str(), R_OK | W_OK) == 0 &&
                  stat(path.c_str(), &state) == 0 &&
                  ((state.st_mode & 0077) == 0 || chmod(path.c_str(), state.st_mode & 0700) == 0);
  if (!ok) CannotOpen(path);
}

}  // namespace

void SqlStatement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

SqlStatement::SqlStatement(sqlite3* database, const std::string& path, std::string_view sql)
    : database_(database), path_(path) {
  sqlite3_stmt* made = nullptr;
  const int code =
      sqlite3_prepare_v2(database, sql.data(), static_cast<int>(sql.size()), &made, nullptr);
  statement_.reset(made);
  if (code != SQLITE_OK) Failed();
}

void SqlStatement::Failed() const {
  FailWith(sqlite3_extended_errcode(database_), sqlite3_errmsg(database_), path_);
}

bool SqlStatement::Step() {
  const int code = sqlite3_step(statement_.get());
  if (code != SQLITE_ROW && code != SQLITE_DONE) Failed();
  return code == SQLITE_ROW;
}

int64_t SqlStatement::Int(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string SqlStatement::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  if (text == nullptr) return "";
  return {text, static_cast<size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

bool SqlStatement::IsNull(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

void SqlStatement::Bind(int at, int64_t value) {
  if (sqlite3_bind_int64(statement_.get(), at, value) != SQLITE_OK) Failed();
}

void SqlStatement::Bind(int at, const std::string& value) {
  // SQLITE_TRANSIENT: SQLite keeps a copy, so that temporaries may be bound.
  const int code = sqlite3_bind_text64(statement_.get(), at, value.data(), value.size(),
                                       SQLITE_TRANSIENT, SQLITE_UTF8);  // NOLINT
  if (code != SQLITE_OK) Failed();
}

SqlDatabase::SqlDatabase(const std::string& path, int busy_ms) : path_(path) {
  MakeDirectories(DirName(path));
  MakePrivate(path);
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(path.c_str(), &database_, flags, nullptr);
  try {
    if (code != SQLITE_OK) {
      FailWith(code, database_ == nullptr ? "no memory" : sqlite3_errmsg(database_), path);
    }
    sqlite3_busy_timeout(database_, busy_ms);
    // Readers do not wait for writers; a commit is on the disk when it returns; what is deleted is
    // overwritten.
    Execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON");
  } catch (...) {
    sqlite3_close(database_);
    throw;
  }
}

SqlDatabase::~SqlDatabase() { sqlite3_close(database_); }

void SqlDatabase::Execute(const std::string& sql) {
  if (sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) return;
  FailWith(sqlite3_extended_errcode(database_), sqlite3_errmsg(database_), path_);
}

void SqlDatabase::RollBack() noexcept {
  if (!InTransaction()) return;  // SQLite has done it
  sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
}

bool SqlDatabase::InTransaction() const { return sqlite3_get_autocommit(database_) == 0; }

int64_t SqlDatabase::Changes() const { return sqlite3_changes64(database_); }

}  // namespace tael
