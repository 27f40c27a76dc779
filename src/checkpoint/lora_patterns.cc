#include "checkpoint/lora_patterns.h"

#include <algorithm>
#include <string_view>

#include "base/error.h"
#include "checkpoint/printable.h"

namespace tael {
namespace {

constexpr size_t kLongest = 512;

bool IsLetterOrDigit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool IsName(const std::string& pattern) {
  return std::all_of(pattern.begin(), pattern.end(),
                     [](char c) { return IsLetterOrDigit(c) || c == '_' || c == '.' || c == '-'; });
}

// The first part of an expression that is refused, "" for none: lookarounds and references take
// exponential time, counts multiply the states, and the rest means something else in Python.
std::string_view RefusedPart(std::string_view pattern) {
  bool in_set = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const std::string_view rest = pattern.substr(i);
    if (rest[0] == '\\') {
      const bool known =
          rest.size() > 1 && (!IsLetterOrDigit(rest[1]) ||
                              std::string_view("dDwWsSbB").find(rest[1]) != std::string_view::npos);
      if (!known) return rest.substr(0, 2);
      ++i;
    } else if (in_set) {
      if (rest[0] == '[') return rest.substr(0, 1);
      in_set = rest[0] != ']';
    } else if (rest[0] == '[') {
      if (rest.starts_with("[]") || rest.starts_with("[^]")) return rest.substr(0, 3);
      in_set = true;
    } else if (rest[0] == '{' || (rest.starts_with("(?") && !rest.starts_with("(?:"))) {
      return rest.substr(0, 3);
    } else if (std::string_view("*+?").find(rest[0]) != std::string_view::npos && rest.size() > 1 &&
               (rest[1] == '*' || rest[1] == '+')) {
      return rest.substr(0, 2);
    }
  }
  return "";
}

}  // namespace

ModulePattern::ModulePattern(const std::string& pattern, Fits fits, const std::string& where)
    : name_(pattern), fits_(fits) {
  if (pattern.size() > kLongest) {
    Fail(ErrorCode::kUnsupported, "{}: the pattern '{}' has {} characters, supported are up to {}",
         where, Printable(pattern), pattern.size(), kLongest);
  }
  if (IsName(pattern)) return;
  const std::string_view refused = RefusedPart(pattern);
  if (!refused.empty()) {
    Fail(ErrorCode::kUnsupported,
         "{}: the pattern '{}' holds '{}', which is not supported. Hint: write the names of the "
         "modules instead",
         where, Printable(pattern), Printable(refused));
  }
  auto flags = std::regex::ECMAScript;
#ifdef __GLIBCXX__
  flags |= std::regex_constants::__polynomial;  // follows all alternatives side by side
#endif
  try {
    const std::string start = fits == Fits::kEnd ? "(?:.*\\.)?" : "";
    expression_ = std::regex(start + "(?:" + pattern + ")", flags);
  } catch (const std::regex_error&) {
    Fail(ErrorCode::kCorrupt, "{}: the pattern '{}' cannot be read", where, Printable(pattern));
  }
}

bool ModulePattern::Matches(const std::string& module) const {
  if (expression_) return std::regex_match(module, *expression_);
  if (module.size() < name_.size()) return false;
  const size_t start = module.size() - name_.size();
  if (start > 0 && (fits_ == Fits::kWhole || module[start - 1] != '.')) return false;
  return std::equal(name_.begin(), name_.end(), module.begin() + static_cast<std::ptrdiff_t>(start),
                    [](char wanted, char found) { return wanted == '.' || wanted == found; });
}

}  // namespace tael
