#include "store/key_table.h"

#include "base/error.h"
#include "base/json.h"

namespace tael {
namespace {

std::string ListText(const std::vector<std::string>& list) {
  Json out = JsonArray{};
  for (const std::string& one : list) out.Append(one);
  return DumpJson(out);
}

std::vector<std::string> ParseList(const std::string& text, const std::string& path) {
  const Json json = ParseJson(text, path);
  std::vector<std::string> list;
  for (const Json& one : json.is_array() ? json.as_array() : JsonArray{Json()}) {
    if (!one.is_string()) Fail(ErrorCode::kCorrupt, "{}: a key's list is no list of texts", path);
    list.push_back(one.as_string());
  }
  return list;
}

}  // namespace

void InsertKey(SqlDatabase& database, const KeyRecord& key) {
  if (database.IntOf("SELECT count(*) FROM keys WHERE name = ? AND revoked = 0", key.name) > 0) {
    Fail(ErrorCode::kInvalidArgument,
         "key '{}': there is one of that name. Hint: revoke it first, or choose another name",
         key.name);
  }
  database.Run("INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", key.id,
               key.hash, key.name, ListText(key.scopes), ListText(key.models),
               key.limits.requests_per_minute, key.limits.tokens_per_minute,
               key.limits.tokens_in_all, key.limits.concurrent, key.priority, key.sharing_group,
               key.created_ms, key.expires_ms, key.revoked_ms, key.last_used_ms);
}

std::vector<KeyRecord> SelectKeys(SqlDatabase& database) {
  std::vector<KeyRecord> keys;
  SqlStatement rows = database.Query(
      "SELECT id, hash, name, scopes, models, requests_per_minute, tokens_per_minute, "
      "tokens_in_all, concurrent, priority, sharing_group, created, expires, revoked, last_used "
      "FROM keys ORDER BY created, id");
  while (rows.Step()) {
    KeyRecord& key = keys.emplace_back();
    key.id = rows.Text(0);
    key.hash = rows.Text(1);
    key.name = rows.Text(2);
    key.scopes = ParseList(rows.Text(3), database.path());
    key.models = ParseList(rows.Text(4), database.path());
    key.limits = {rows.Int(5), rows.Int(6), rows.Int(7), rows.Int(8)};
    key.priority = rows.Int(9);
    key.sharing_group = rows.Text(10);
    key.created_ms = rows.Int(11);
    key.expires_ms = rows.Int(12);
    key.revoked_ms = rows.Int(13);
    key.last_used_ms = rows.Int(14);
  }
  return keys;
}

bool RevokeKey(SqlDatabase& database, const std::string& id, int64_t now_ms) {
  database.Run("UPDATE keys SET revoked = ? WHERE id = ? AND revoked = 0", now_ms, id);
  return database.IntOf("SELECT count(*) FROM keys WHERE id = ?", id) > 0;
}

void TouchKey(SqlDatabase& database, const std::string& id, int64_t used_ms) {
  database.Run("UPDATE keys SET last_used = max(last_used, ?) WHERE id = ?", used_ms, id);
}

}  // namespace tael
