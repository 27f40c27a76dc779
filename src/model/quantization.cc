#include "model/quantization.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "model/quantization/methods.h"

namespace tael {
namespace {

struct Method {
  const char* name;
  Quantization (*read)(const ConfigView& config);
};
constexpr Method kMethods[] = {{"awq", ReadAwq},
                               {"compressed-tensors", ReadCompressedTensors},
                               {"fp8", ReadFp8},
                               {"gptq", ReadGptq},
                               {"mxfp4", ReadMxfp4}};

bool Names(const QuantGroup& group, std::string_view module) {
  return std::find(group.names.begin(), group.names.end(), module) != group.names.end() ||
         std::any_of(group.patterns.begin(), group.patterns.end(),
                     [&](const NameRegex& pattern) { return pattern.Matches(module); });
}

}  // namespace

bool Quantization::IsExcluded(std::string_view module) const {
  return std::any_of(excluded_parts.begin(), excluded_parts.end(),
                     [&](const NamePart& part) { return part.Occurs(module); }) ||
         std::any_of(excluded_patterns.begin(), excluded_patterns.end(),
                     [&](const NameRegex& pattern) { return pattern.Matches(module); });
}

const QuantScheme* Quantization::SchemeOf(std::string_view module) const {
  for (const QuantGroup& group : groups) {
    if (Names(group, module)) return &group.scheme;
  }
  for (const QuantGroup& group : groups) {
    if (group.all) return &group.scheme;
  }
  return nullptr;
}

void ReadExcludedParts(const ConfigView& config, const char* key, Quantization* quantization) {
  if (!config.Has(key)) return config.Ignore(key);
  quantization->excluded_key = key;
  for (const std::string& part : config.Strings(key)) {
    quantization->excluded_parts.emplace_back(part);
  }
}

size_t ReadChoice(const ConfigView& config, const char* key, std::string_view fallback,
                  std::span<const char* const> known) {
  const std::string value = config.String(key, fallback);
  const auto found = std::find(known.begin(), known.end(), value);
  if (found == known.end()) {
    Fail(ErrorCode::kUnsupported, "{}: quantization_config: {} is '{}', needed one of {}",
         config.where(), key, value.substr(0, 80), fmt::join(known, ", "));
  }
  return static_cast<size_t>(found - known.begin());
}

int64_t ReadGroupSize(const ConfigView& config, const char* key, bool or_minus_one) {
  const int64_t size = config.Int64(key);
  if (size >= 1 || (size == -1 && or_minus_one)) return size;
  Fail(ErrorCode::kCorrupt, "{}: quantization_config: {} is {}, needed a positive number{}",
       config.where(), key, size, or_minus_one ? " or -1 for one group per row" : "");
}

std::optional<Quantization> ReadQuantization(const ConfigView& config) {
  const std::optional<ConfigView> quantization = config.Object("quantization_config");
  if (!quantization.has_value()) return std::nullopt;
  const std::string name = quantization->String("quant_method", "");
  for (const Method& method : kMethods) {
    if (name != method.name) continue;
    Quantization read = method.read(*quantization);
    read.method = name;
    if (read.method == "fp8") ReadExpertCodes(config, *quantization, &read);
    return read;
  }
  std::vector<const char*> known;
  for (const Method& method : kMethods) known.push_back(method.name);
  Fail(ErrorCode::kUnsupported,
       "{}: quantization_config has quant_method '{}'; known are {}. Hint: use a GGUF file or an "
       "unquantised checkpoint of this model",
       config.where(), name.substr(0, 80), fmt::join(known, ", "));
}

}  // namespace tael
