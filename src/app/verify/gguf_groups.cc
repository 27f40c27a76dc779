#include "app/verify/gguf_groups.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "checkpoint/gguf.h"

namespace tael {
namespace {

// "-00002-of-00003" at the end of a stem; position of its first character, or npos.
size_t ShardSuffix(const std::string& stem) {
  constexpr size_t kLength = 15;
  if (stem.size() <= kLength) return std::string::npos;
  const std::string suffix = stem.substr(stem.size() - kLength);
  const auto digits = [&](size_t begin) {
    return std::all_of(suffix.begin() + static_cast<std::ptrdiff_t>(begin),
                       suffix.begin() + static_cast<std::ptrdiff_t>(begin + 5),
                       [](char c) { return c >= '0' && c <= '9'; });
  };
  const bool matches = suffix[0] == '-' && digits(1) && suffix.substr(6, 4) == "-of-" && digits(10);
  return matches ? stem.size() - kLength : std::string::npos;
}

std::vector<std::string> Signature(const Gguf& gguf) {
  std::vector<std::string> lines;
  for (const TensorInfo& tensor : gguf.tensors.all()) {
    lines.push_back(
        fmt::format("{} {} {}", tensor.name, Name(tensor.dtype), fmt::join(tensor.shape, "x")));
  }
  std::sort(lines.begin(), lines.end());
  return lines;
}

}  // namespace

std::vector<GgufGroup> GroupGgufFiles(const std::vector<std::string>& files) {
  std::vector<GgufGroup> groups;
  for (const std::string& file : files) {
    if (!file.ends_with(".gguf")) continue;
    const std::string name = file.substr(0, file.size() - 5);
    const size_t suffix = ShardSuffix(name);
    const std::string stem = name.substr(0, suffix);
    const bool continues = suffix != std::string::npos && !groups.empty() &&
                           groups.back().stem == stem && groups.back().first != stem + ".gguf";
    if (!continues) groups.push_back({stem, file});
  }
  return groups;
}

std::optional<std::string> FindOwner(
    const std::string& path, const std::vector<std::string>& stems,
    const std::map<std::string, std::vector<std::string>>& models) {
  try {
    const std::vector<std::string> wanted = Signature(OpenGguf(path));
    for (const auto& [stem, files] : models) {
      if (!files.empty() && Signature(OpenGguf(files.front())) == wanted) return stem;
    }
    const bool alone = stems.size() == 1 && !models.contains(stems[0]);
    return alone ? std::optional(stems[0]) : std::nullopt;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kUnsupported) return std::nullopt;
    return stems.front();
  }
}

}  // namespace tael
