// Keys in the database.
#pragma once

#include <vector>

#include "store/key.h"
#include "store/sqlite.h"

namespace tael {

// Throws kInvalidArgument when a key of that name is there and not revoked.
void InsertKey(SqlDatabase& database, const KeyRecord& key);
// All of them, the oldest first. Throws kCorrupt for a row that cannot be understood.
std::vector<KeyRecord> SelectKeys(SqlDatabase& database);
// Sets its time of revoking unless it has one. False when there is none of that id.
bool RevokeKey(SqlDatabase& database, const std::string& id, int64_t now_ms);
// The later of what is there and `used_ms`.
void TouchKey(SqlDatabase& database, const std::string& id, int64_t used_ms);

}  // namespace tael
