// What a GGUF file keeps of the Hugging Face checkpoint it was made from, under keys of Tael's own:
// the part that GGUF's keys cannot say exactly. Other programs ignore these keys. tael.config_json
// is config.json, and counts only while tael.keys_sha256, the SHA-256 of the "<arch>." keys, holds;
// tael.generation_config_json and tael.tokenizer_config_json are the files of these names;
// tael.source_tensors has "NAME TYPE SHAPE" of each tensor, in its order; tael.source_bytes.NAME
// the bytes of a vector whose numbers GGUF stores with a rounding. tokenizer.json stands under
// GGUF's own name, tokenizer.huggingface.json.
#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "checkpoint/gguf.h"

namespace tael::carried {

inline constexpr const char* kConfig = "tael.config_json";
inline constexpr const char* kKeysHash = "tael.keys_sha256";
inline constexpr const char* kGenerationConfig = "tael.generation_config_json";
inline constexpr const char* kTokenizerConfig = "tael.tokenizer_config_json";
inline constexpr const char* kTensors = "tael.source_tensors";
inline constexpr const char* kSourceBytes = "tael.source_bytes.";
inline constexpr const char* kTokenizer = "tokenizer.huggingface.json";

// SHA-256 over the architecture's keys and values, whatever their order, in hexadecimal.
std::string HashOfKeys(const GgufMetadata& metadata);

// The carried config.json; nullopt when there is none, or when a key was changed since it was made:
// then the keys are right. Throws kCorrupt when it is no JSON object.
std::optional<Json> Config(const GgufMetadata& metadata);

}  // namespace tael::carried
