// Writes GGUF's keys for one network, for the files of metadata only. What keys cannot say exactly
// is found by reading them again, so most of this writes without asking.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>

#include "base/error.h"
#include "checkpoint/gguf_keys.h"
#include "checkpoint/write_gguf.h"
#include "model/model.h"

namespace tael {

class GgufKeyWriter {
 public:
  GgufKeyWriter(const Model& model, const GgufArch& arch)
      : spec_(model.spec), checkpoint_(model.checkpoint), arch_(arch) {}

  GgufEntries Write(const std::string& name);

 private:
  template <typename... Args>
  [[noreturn]] void Refuse(fmt::format_string<Args...> what, Args&&... args) const {
    Fail(ErrorCode::kUnsupported, "{}: GGUF's keys for '{}' cannot express {}", checkpoint_.path,
         arch_.name, fmt::format(what, std::forward<Args>(args)...));
  }

  void Set(const std::string& key, GgufValue value) {
    entries_.emplace_back(fmt::format("{}.{}", arch_.name, key), std::move(value));
  }
  void Integer(const std::string& key, int64_t value) {
    Set(key, GgufU32(static_cast<uint32_t>(value)));
  }
  void Number(const std::string& key, double value) {
    Set(key, GgufF32(static_cast<float>(value)));
  }
  bool Is(std::string_view arch) const { return arch == arch_.name; }
  // Of config.json, without what the containers of Tael add; null: not there.
  const Json* Configured(std::string_view key) const {
    return checkpoint_.config.values().Find(key);
  }
  // A key of the object that scales rope, whatever its name; null: not there.
  const Json* ScalingKey(std::string_view key) const;

  // metadata.cc
  void General(const std::string& name);
  int64_t DenseWidth() const;
  void Sizes();
  void Experts();
  void ExpertsOfDeepSeek(const MoeFfnSpec& moe, int first);

  // attention_keys.cc
  void Attention();
  void Plain();
  void Windows(const GqaSpec& global);
  void Latent(const MlaSpec& mla);
  void Linear(const GatedDeltaNetSpec& net);
  void Rope(const RopeSpec& rope, bool partial);
  void Scaling(const RopeSpec& rope);
  // What yarn multiplies cos and sin by where no key says otherwise.
  static double YarnFactor(const RopeSpec& rope);
  void Yarn(const RopeSpec& rope);
  void LongRope(const RopeSpec& rope);

  // deepseek_v4_keys.cc
  void Compressed(const CompressedSpec& any);
  void CompressedRope(const CompressedSpec* with, const CompressedSpec* without);
  void ExpertsOfDeepSeekV4(const MoeFfnSpec& moe);

  const DecoderSpec& spec_;
  const Checkpoint& checkpoint_;
  const GgufArch& arch_;
  GgufEntries entries_;
};

}  // namespace tael
