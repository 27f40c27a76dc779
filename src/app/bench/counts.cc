#include "app/bench/counts.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "app/command.h"

namespace tael {
namespace {

int ParseCount(const std::string& option, std::string_view text, int least, int most) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) {
    throw UsageError(fmt::format("{}: '{}' is not a number from {} to {}; a list is written 1,2,4",
                                 option, text, least, most));
  }
  return value;
}

}  // namespace

std::vector<int> ParseCounts(const std::string& option, const std::vector<std::string>& uses,
                             int least, int most) {
  std::vector<int> counts;
  for (const std::string& use : uses) {
    for (size_t begin = 0; begin <= use.size();) {
      const size_t end = std::min(use.find(',', begin), use.size());
      const int count =
          ParseCount(option, std::string_view(use).substr(begin, end - begin), least, most);
      if (std::find(counts.begin(), counts.end(), count) == counts.end()) counts.push_back(count);
      begin = end + 1;
    }
  }
  return counts;
}

}  // namespace tael
