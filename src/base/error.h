// The one exception type of Tael, its codes, and the checks for programmer errors.
#pragma once

#include <fmt/core.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace tael {

enum class ErrorCode {
  kInvalidArgument,  // the caller asked for something that makes no sense
  kNotFound,         // a file, model or name that does not exist
  kCorrupt,          // bytes that break their format's rules
  kUnsupported,      // valid, but Tael does not implement it
  kExhausted,        // a budget (memory, steps, context) would be exceeded
  kUnavailable,      // an outside resource failed; trying again may help
  kInternal,         // a defect in Tael
};

// "invalid_argument", "not_found", ...: stable names for logs and JSON.
const char* ErrorCodeName(ErrorCode code);

// Thrown when the thing asked for cannot be done. Message form:
//   where: what was found, what was needed. Hint: what to do.
// Caught only in app/main.cc, in a server session and around an engine step.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const { return code_; }

 private:
  ErrorCode code_;
};

// Throws Error(code, formatted text).
template <typename... Args>
[[noreturn]] void Fail(ErrorCode code, fmt::format_string<Args...> text, Args&&... args) {
  throw Error(code, fmt::format(text, std::forward<Args>(args)...));
}

// Prints file, line and expression to stderr, then aborts. Used by the macros below only.
[[noreturn]] void CheckFailed(const char* file, int line, const char* expression);

}  // namespace tael

// A condition that no input can make false; a violation is a defect in Tael itself.
#define TAEL_CHECK(condition) \
  ((condition) ? void(0) : ::tael::CheckFailed(__FILE__, __LINE__, #condition))

// The same, in debug builds only, for conditions that are costly to test.
#ifdef NDEBUG
#define TAEL_DCHECK(condition) void(0)
#else
#define TAEL_DCHECK(condition) TAEL_CHECK(condition)
#endif
