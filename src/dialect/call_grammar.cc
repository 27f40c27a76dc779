#include "dialect/call_grammar.h"

#include <algorithm>

namespace tael {

void AddMarker(const char* text, MarkerRole role, std::vector<Marker>* markers) {
  if (*text != '\0') markers->push_back({text, role});
}

Step TakeArguments(const CallContext& context, JsonScanner& scanner, char c) {
  std::string text;
  const JsonScanner::Result result = scanner.OnByte(c, text);
  if (result == JsonScanner::Result::kBad || result == JsonScanner::Result::kEndBefore) {
    context.End(CallEnd::kMalformed);
    return Step::kBefore;
  }
  context.events.Arguments(text);
  return result == JsonScanner::Result::kMore ? Step::kMore : Step::kDone;
}

bool IsToolName(std::string_view name) {
  constexpr size_t kMaxBytes = 256;
  constexpr std::string_view kForeign(" \t\r\n\"'`<>{}[](),;=|\0", 20);
  return !name.empty() && name.size() <= kMaxBytes &&
         name.find_first_of(kForeign) == std::string_view::npos;
}

bool IsFencePart(const Symbol& symbol) {
  return symbol.marker == nullptr &&
         std::string_view("`json \r\n").find(symbol.byte()) != std::string_view::npos;
}

std::string_view TrimSpace(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  return text.substr(0, text.find_last_not_of(kSpace) + 1);
}

}  // namespace tael
