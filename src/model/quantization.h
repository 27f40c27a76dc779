// What a checkpoint's quantization_config says: which modules are stored in which packed form.
// Quantised activations and caches are not imitated: weights are decoded, activations stay float32
// (or are rounded as `--matmul integer` says), whatever the configuration recommends for them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "checkpoint/config_view.h"
#include "model/name_pattern.h"
#include "quant/dtype.h"

namespace tael {

// What the experts of a checkpoint of bytes are.
enum class ExpertCodes : uint8_t {
  kAsStored,  // pairs of 4-bit floats where `.weight` has their type
  kBytes,
  kFp4,
};

// One byte per weight, `.weight`, with scales in `.weight_scale` or `scale_name`; where there are
// none of that name, in `other_scale_name`.
struct ByteScheme {
  DType dtype = DType::kF8E4M3;  // or kI8
  enum Span : uint8_t { kTensor, kChannel, kGroup, kBlock } span = kTensor;
  int64_t rows = 0, columns = 0;  // of a block; a group has `columns`
  bool zeros = false;
  const char* scale_name = ".weight_scale";
  const char* other_scale_name = nullptr;
  ExpertCodes experts = ExpertCodes::kBytes;
};

// Integers packed along the inputs: `.weight_packed`, `.weight_scale`, `.weight_shape`, and where
// it says so `.weight_zero_point`, `.weight_g_idx`.
struct WordScheme {
  int bits = 4;            // 4, 8
  int64_t group_size = 0;  // 0: one group per row
  bool zeros = false, act_order = false;
};

// 4-bit floats: `.weight_packed`, `.weight_scale`, and `.weight_global_scale` to divide by.
struct Fp4Scheme {
  DType scale_dtype = DType::kF8E8M0;  // or kF8E4M3, with the divisor
  int64_t group_size = 32;
  const char* codes_name = ".weight_packed";
  const char* scale_name = ".weight_scale";
};

// `.qweight`, `.qzeros`, `.scales`, `.g_idx` of the GPTQ tools.
struct GptqScheme {
  int bits = 4;                 // 2, 4, 8
  int64_t group_size = -1;      // -1: one group per row
  bool zeros_minus_one = true;  // the first version of the format
  bool act_order = false;
};

// `.qweight`, `.qzeros`, `.scales` of AutoAWQ, its "gemm" layout.
struct AwqScheme {
  int64_t group_size = 128;
};

// 4-bit floats of all experts in one tensor: `_blocks`, `_scales`.
struct Fp4StackScheme {};

using QuantScheme =
    std::variant<ByteScheme, WordScheme, Fp4Scheme, GptqScheme, AwqScheme, Fp4StackScheme>;

// A scheme and the modules it is for: those whose name matches one of the patterns, or all.
struct QuantGroup {
  std::vector<std::string> names;  // module names
  std::vector<NameRegex> patterns;
  bool all = false;
  QuantScheme scheme;
};

struct Quantization {
  std::string method;
  std::vector<QuantGroup> groups;
  // Modules that are stored plainly, and the key that says so.
  std::vector<NamePart> excluded_parts;
  std::vector<NameRegex> excluded_patterns;
  std::string excluded_key;

  bool IsExcluded(std::string_view module) const;
  // How `module` ("model.layers.0.mlp.up_proj") is stored if it is not stored plainly; nullptr when
  // no group is for it. A group that names it comes before one for all modules.
  const QuantScheme* SchemeOf(std::string_view module) const;
};

// Reads `quantization_config`; nullopt when there is none. Throws kUnsupported for a method, layout
// or bit width that this build cannot read and kCorrupt for values that make no sense; keys that
// are not known stay unread, and are refused with the others of the configuration.
std::optional<Quantization> ReadQuantization(const ConfigView& config);

}  // namespace tael
