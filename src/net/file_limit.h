// How many files, and so connections, this process may have open.
#pragma once

#include <cstdint>
#include <string>

namespace tael {

// Raises the soft limit of open files (RLIMIT_NOFILE) to the hard one, for the whole process.
// Returns the limit there is now.
int64_t RaiseFileLimit();

// Files that are left for everything that is no connection.
inline constexpr int64_t kOtherFiles = 256;

struct ConnectionFit {
  int connections = 0;
  std::string notice;  // what a user should know about it, or ""
};

// `wanted` connections below a limit of open files. Throws kExhausted when not even 16 are left,
// kInvalidArgument for `wanted` below 1.
ConnectionFit FitConnections(int wanted, int64_t file_limit);

}  // namespace tael
