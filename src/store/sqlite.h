// SQLite for the rest of this folder: statements with values, errors as Error.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace tael {

// A statement with its values, at most one of which lives while it is stepped.
class SqlStatement {
 public:
  // The next row; false behind the last.
  bool Step();
  // Of the row: columns count from 0. NULL is 0 and "".
  int64_t Int(int column) const;
  std::string Text(int column) const;
  bool IsNull(int column) const;

 private:
  friend class SqlDatabase;
  SqlStatement(sqlite3* database, const std::string& path, std::string_view sql);

  void Bind(int at, int64_t value);
  void Bind(int at, const std::string& value);
  void Bind(int at, std::string_view value) { Bind(at, std::string(value)); }
  template <typename T>
  void Bind(int at, const std::optional<T>& value) {
    if (value) Bind(at, *value);  // else NULL, which it is anyway
  }
  [[noreturn]] void Failed() const;

  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  sqlite3* database_;
  const std::string& path_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

// One connection. One thread at a time. Everything throws kCorrupt (no database, or a damaged one),
// kUnavailable (locked by another process for seconds, or not readable or writable), kExhausted
// (disk full), each with the path.
class SqlDatabase {
 public:
  // The file is made (0600) when it is not there; rights of others are taken away. `busy_ms`: how
  // long another process may hold the file before that is an error.
  explicit SqlDatabase(const std::string& path, int busy_ms = 5000);
  ~SqlDatabase();
  SqlDatabase(const SqlDatabase&) = delete;
  SqlDatabase& operator=(const SqlDatabase&) = delete;

  // Several statements without values.
  void Execute(const std::string& sql);
  // `values` for the '?' of one statement, in order: integers, texts, optionals of these. The
  // statement must not outlive the database.
  template <typename... Values>
  SqlStatement Query(std::string_view sql, const Values&... values) {
    SqlStatement statement(database_, path_, sql);
    int at = 0;
    (BindOne(statement, ++at, values), ...);
    return statement;
  }
  // The same, to its end. Rows that it changed.
  template <typename... Values>
  int64_t Run(std::string_view sql, const Values&... values) {
    SqlStatement statement = Query(sql, values...);
    while (statement.Step()) {
    }
    return Changes();
  }
  // The first column of the first row, 0 without one.
  template <typename... Values>
  int64_t IntOf(std::string_view sql, const Values&... values) {
    SqlStatement statement = Query(sql, values...);
    return statement.Step() ? statement.Int(0) : 0;
  }
  // BEGIN, COMMIT, ROLLBACK around `work`.
  template <typename Work>
  void Transaction(const Work& work) {
    Execute("BEGIN IMMEDIATE");
    try {
      work();
      Execute("COMMIT");
    } catch (...) {
      RollBack();
      throw;
    }
  }
  // Ends a transaction that failed; does nothing without one.
  void RollBack() noexcept;
  bool InTransaction() const;

  const std::string& path() const { return path_; }

 private:
  template <typename T>
  static void BindOne(SqlStatement& statement, int at, const T& value) {
    if constexpr (std::integral<T>) {
      statement.Bind(at, static_cast<int64_t>(value));
    } else {
      statement.Bind(at, value);
    }
  }
  int64_t Changes() const;

  const std::string path_;
  sqlite3* database_ = nullptr;
};

}  // namespace tael
