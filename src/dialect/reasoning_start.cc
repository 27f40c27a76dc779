#include "dialect/reasoning_start.h"

#include <string>
#include <string_view>

namespace tael {

ReasoningStart FindReasoningStart(const ReasoningTags* tags, const std::vector<TextSpan>& prompt) {
  if (tags == nullptr) return ReasoningStart::kClosed;
  std::string written;
  for (auto span = prompt.rbegin(); span != prompt.rend() && span->trusted; ++span) {
    written.insert(0, span->text);
  }
  std::string_view end = written;
  end = end.substr(0, end.find_last_not_of(" \t\r\n") + 1);
  if (end.ends_with(tags->open)) return ReasoningStart::kInside;
  for (const std::string_view opener : tags->answer_opens) {
    if (!opener.empty() && end.ends_with(opener)) return ReasoningStart::kAnswer;
  }
  return end.ends_with(tags->close) ? ReasoningStart::kClosed : ReasoningStart::kModelDecides;
}

}  // namespace tael
