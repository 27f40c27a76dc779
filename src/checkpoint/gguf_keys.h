// The table that maps GGUF's architectures and keys to Hugging Face's vocabulary.
#pragma once

#include <span>
#include <string_view>

namespace tael {

// Which names a family's configuration uses for its experts; the GGUF keys are the same for all.
enum class ExpertNames { kNone, kQwen, kDeepSeek, kErnie, kHunyuan, kLocal };

struct GgufArch {
  const char* name;        // general.architecture
  const char* model_type;  // Hugging Face names
  const char* model_class;
  ExpertNames experts = ExpertNames::kNone;
  bool mla = false;  // multi-head latent attention: key and value lengths have parts
  // The converter reorders the rows of q and k so that rope rotates neighbouring elements.
  bool permuted_qk = false;
  // The converter reorders the value heads of linear attention: j reads key head j mod key heads.
  bool tiled_value_heads = false;
  // Biases of attention are an option of config.json, and in files there or not.
  bool optional_bias = false;
  // In Hugging Face's vocabulary a configuration without a rotated part means less than whole
  // heads.
  bool rotates_part = false;
};

enum class GgufKeyKind {
  kCount,     // integer from 1
  kInt,       // integer from 0
  kPerLayer,  // integer from 0, or an array with one for each layer
  kInts,      // array of integers
  kNumber,    // finite; integers are accepted
  kPositive,  // finite and above 0
  kBool,
  kDerived,  // not copied: ConfigFromGguf computes something from it
  kIgnored,  // says nothing that the tensors or other keys do not say
};

struct GgufKey {
  const char* key;   // without "<arch>."
  const char* name;  // in config.json
  GgufKeyKind kind;
};

// nullptr when the architecture is not known.
const GgufArch* FindGgufArch(std::string_view name);
std::span<const GgufArch> GgufArchs();

// The rule for a key (without "<arch>."), or nullptr when it is not known.
const GgufKey* FindGgufKey(ExpertNames experts, std::string_view key);

}  // namespace tael
