// The tables of a store, and how those of an older version become those of this one.
#pragma once

#include "store/sqlite.h"

namespace tael {

// The tables are there and whole behind this. Throws kCorrupt (another program's database, a
// damaged one), kUnsupported (a newer version), and what SqlDatabase throws; the file then stays as
// it was.
void PrepareSchema(SqlDatabase& database);

}  // namespace tael
