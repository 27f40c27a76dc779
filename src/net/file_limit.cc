#include "net/file_limit.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace tael {

int64_t RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return kOtherFiles + 16;  // cannot happen
  if (limit.rlim_cur < limit.rlim_max) {
    const rlimit raised{limit.rlim_max, limit.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  constexpr auto kMost = static_cast<rlim_t>(std::numeric_limits<int>::max());
  return static_cast<int64_t>(std::min(limit.rlim_cur, kMost));
}

ConnectionFit FitConnections(int wanted, int64_t file_limit) {
  constexpr const char* kHint = "`ulimit -Hn` shows the limit, LimitNOFILE= of systemd raises it";
  constexpr int64_t kFewest = 16;
  if (wanted < 1) {
    Fail(ErrorCode::kInvalidArgument, "connections: {}, needed at least 1", wanted);
  }
  const int64_t room = file_limit - kOtherFiles;
  if (wanted <= room) return {wanted, ""};
  if (room < std::min<int64_t>(wanted, kFewest)) {
    Fail(ErrorCode::kExhausted,
         "open files: at most {} for this process, a server needs {}. Hint: {}", file_limit,
         kOtherFiles + kFewest, kHint);
  }
  return {static_cast<int>(room),
          fmt::format("open files: at most {} for this process, so {} connections instead of {}. "
                      "Hint: {}",
                      file_limit, room, wanted, kHint)};
}

}  // namespace tael
