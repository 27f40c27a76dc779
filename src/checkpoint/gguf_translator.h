// The steps from GGUF metadata to a configuration, for the files of gguf_config only.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "checkpoint/config_view.h"
#include "checkpoint/gguf.h"
#include "checkpoint/gguf_keys.h"

namespace tael {

// The decimal number that a float32 stands for: 0.1f means 0.1, as config.json would say it.
double Decimal(float value);

// Any value as JSON, for messages and for keys that are passed on untranslated. Long arrays are
// only described.
Json AsJson(const GgufValue& value);

// One translation. Steps add to the configuration and to the list of problems, which ends in one
// error.
class GgufTranslator {
 public:
  GgufTranslator(const GgufMetadata& metadata, const TensorIndex& tensors)
      : metadata_(metadata), tensors_(tensors) {}

  ConfigView Translate();

 private:
  // gguf_config.cc
  void FindArch();
  void RequireKeys();
  void CopyKeys();
  void CopyKey(const GgufKey& rule, const std::string& key, const GgufValue& value);
  void CopyPerLayer(const GgufKey& rule, const std::string& key, const GgufValue& value);
  void AddFromTensors();
  // gguf_sizes.cc
  void AddLayers();
  void AddVocabulary();
  void CheckStreams();
  void AddHeads();
  void AddLatentHeads();
  void CheckHeads();
  void AddWindows();
  void AddAttentionScale();
  // gguf_rope.cc
  void AddRope();
  void AddYarn(Json* scaling, double factor);
  void AddLongRope(Json* scaling);
  std::optional<Json> Divisors(const char* tensor);
  // gguf_experts.cc
  void AddExperts();
  void AddDeepSeekRouter(bool sigmoid);
  void AddDeepSeekGroups(bool sigmoid);
  void AddErnieLayers();
  void AddClamp();
  std::vector<double> ClampLimits(const char* key);

  template <typename... Args>
  void Problem(fmt::format_string<Args...> text, Args&&... args) {
    problems_.push_back(fmt::format(text, std::forward<Args>(args)...));
  }
  std::string Key(std::string_view key) const { return fmt::format("{}.{}", arch_->name, key); }
  bool HasKey(std::string_view key) const { return metadata_.Find(Key(key)) != nullptr; }
  std::optional<int64_t> Integer(std::string_view key);
  std::optional<double> Number(std::string_view key);
  // A scalar integer of the configuration made so far.
  std::optional<int64_t> Configured(std::string_view name) const;
  bool HasTensor(std::string_view name) const { return tensors_.Find(name) != nullptr; }

  const GgufMetadata& metadata_;
  const TensorIndex& tensors_;
  const GgufArch* arch_ = nullptr;
  Json config_{JsonObject{}};
  std::vector<std::string> problems_;
};

}  // namespace tael
