// Opening a model from a path: a Hugging Face directory, a GGUF file, a single safetensors file,
// or a llama2.c .bin file. Nothing is interpreted yet.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/config_view.h"
#include "checkpoint/gguf.h"
#include "checkpoint/tensor_index.h"

namespace tael {

enum class Container { kGguf, kSafetensors, kLlama2c };

// Where the tokenizer comes from: a directory with tokenizer.json / tokenizer.model / *.tiktoken /
// tokenizer.bin, or the metadata of a GGUF file.
struct Checkpoint {
  std::string path;       // as given
  std::string directory;  // holds config.json etc.; DirName(path) for a file
  Container container = Container::kSafetensors;
  ConfigView config;  // Hugging Face vocabulary, also for GGUF (gguf_keys.cc) and llama2.c
  TensorIndex tensors;
  std::shared_ptr<const GgufMetadata> gguf;        // set for kGguf
  std::vector<std::shared_ptr<MappedFile>> files;  // keep the mappings alive
  std::vector<int64_t> eos_token_ids;              // union of config, generation_config / GGUF keys
  std::optional<Json> generation_config;
};

// Throws kNotFound, kCorrupt, kUnsupported. A directory needs config.json and safetensors; a
// directory with exactly one GGUF (or split set) opens that.
// `config_override`: path of a config.json to use instead of the directory's own, "" for none.
Checkpoint OpenCheckpoint(const std::string& path, const std::string& config_override = "");

}  // namespace tael
