#include "checkpoint/carried.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "base/error.h"
#include "base/sha256.h"

namespace tael::carried {
namespace {

// A text that differs whenever the values do.
std::string Spelled(const GgufValue& value) {
  std::string text =
      fmt::format("{}:{}:{}:{}:", static_cast<int>(value.type), static_cast<int>(value.element),
                  value.integer, std::bit_cast<uint64_t>(value.number));
  text += fmt::format("{}:{}", value.text.size(), value.text);
  for (const int64_t item : value.integers) text += fmt::format(",{}", item);
  for (const double item : value.numbers) {
    text += fmt::format(",{}", std::bit_cast<uint64_t>(item));
  }
  for (const std::string& item : value.strings) text += fmt::format(",{}:{}", item.size(), item);
  for (const GgufValue& item : value.arrays) text += fmt::format(",[{}]", Spelled(item));
  return text;
}

}  // namespace

std::string HashOfKeys(const GgufMetadata& metadata) {
  const std::string start = metadata.Text("general.architecture", "") + ".";
  std::vector<std::string> lines;
  for (const auto& [key, value] : metadata.entries) {
    if (key.starts_with(start)) lines.push_back(key + "=" + Spelled(value) + "\n");
  }
  std::sort(lines.begin(), lines.end());
  Sha256 hash;
  for (const std::string& line : lines) hash.Update(line);
  return hash.FinishHex();
}

std::optional<Json> Config(const GgufMetadata& metadata) {
  const GgufValue* text = metadata.Find(kConfig);
  if (text == nullptr || metadata.Text(kKeysHash, "") != HashOfKeys(metadata)) return std::nullopt;
  Json config = ParseJson(metadata.Text(kConfig, ""), metadata.where + " " + kConfig);
  if (!config.is_object()) {
    Fail(ErrorCode::kCorrupt, "{}: {} holds no JSON object", metadata.where, kConfig);
  }
  return config;
}

}  // namespace tael::carried
