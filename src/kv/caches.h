// The memory of sequences between steps, as a step sees it.
#pragma once

#include "kv/kv_cache.h"
#include "kv/state_cache.h"

namespace tael {

// Borrowed.
struct Caches {
  KvCache& keys_values;  // by position
  StateCache& states;    // by sequence
};

}  // namespace tael
