#include "engine/stop_strings.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace tael {
namespace {

// Bytes at the end of `text` that a longer text could complete to `string`.
size_t Beginning(std::string_view text, std::string_view string) {
  size_t size = std::min(text.size(), string.size() - 1);
  while (!text.ends_with(string.substr(0, size))) --size;
  return size;
}

}  // namespace

StopStrings::StopStrings(std::vector<std::string> strings) : strings_(std::move(strings)) {
  for (const std::string& string : strings_) {
    if (string.empty()) Fail(ErrorCode::kInvalidArgument, "a stop text is empty");
  }
}

std::string StopStrings::Push(std::string_view piece) {
  if (found_) return {};
  held_ += piece;
  size_t begin = 0, end = std::string::npos, keep = 0;
  for (const std::string& string : strings_) {
    const size_t at = held_.find(string);
    if (at != std::string::npos && std::pair(at + string.size(), at) < std::pair(end, begin)) {
      begin = at, end = at + string.size();
      found_string_ = string;
    }
    keep = std::max(keep, Beginning(held_, string));
  }
  found_ = end != std::string::npos;
  if (!found_) begin = held_.size() - keep;
  std::string shown = held_.substr(0, begin);
  held_.erase(0, begin);
  return shown;
}

std::string StopStrings::Finish() { return found_ ? std::string() : std::exchange(held_, {}); }

}  // namespace tael
