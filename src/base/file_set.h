// Several files that are one thing, put in their places together.
#pragma once

#include <string>
#include <vector>

#include "base/atomic_file.h"

namespace tael {

// Commits `files`, of which the last is the entry: the one that readers begin with. What is at
// their places, and at those in `removed`, is first moved aside (PATH.old-..., the entry before all
// others, gone when the new entry is there), so at no time an entry stands beside files of another
// set: who is killed halfway leaves no entry at all. Throws kUnavailable; then everything is as it
// was. One file alone takes its place in one step, without a time when nothing is there: when only
// writing its directory fails, it throws too, and the new file stays. REQUIRES: not empty.
void CommitTogether(std::vector<AtomicFile>& files, const std::vector<std::string>& removed = {});

// Names beside `path` that say that it is being written or replaced, or was when its writer was
// killed: they look the same.
std::vector<std::string> LeftoversOf(const std::string& path);

// For a `path` that does not exist: throws kCorrupt when it has leftovers.
void RefuseHalfReplaced(const std::string& path);

}  // namespace tael
