// The safetensors container: one file, or shards named by model.safetensors.index.json.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "checkpoint/tensor_index.h"

namespace tael {

struct Safetensors {
  std::vector<std::shared_ptr<MappedFile>> files;
  TensorIndex tensors;
  std::vector<std::pair<std::string, std::string>> metadata;  // "__metadata__" of the first file
};

// Reads one file's bytes; the tensors, in the order of their data, point into `bytes` (not aligned
// to their element size) and `files` stays empty. `where` names the source. Throws kCorrupt,
// kUnsupported.
Safetensors ParseSafetensors(std::span<const uint8_t> bytes, const std::string& where);

// Opens one .safetensors file. Throws kNotFound, kCorrupt, kUnsupported.
Safetensors OpenSafetensorsFile(const std::string& path);

// Opens the index and every shard it names. Throws as above; a tensor the index names and no shard
// holds (or the reverse) is kCorrupt.
Safetensors OpenSafetensorsIndex(const std::string& index_path);

// Serialises tensors (name, dtype, shape, bytes), header padded to 8 bytes. For tests and tools.
std::string SerializeSafetensors(const std::vector<TensorInfo>& tensors);

}  // namespace tael
