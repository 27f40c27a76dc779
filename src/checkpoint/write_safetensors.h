// Writing safetensors: one file, or shards with an index, streaming and atomic.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/tensor_source.h"

namespace tael {

struct SafetensorsOptions {
  std::vector<std::pair<std::string, std::string>> metadata = {{"format", "pt"}};
  int64_t max_shard_bytes = 0;  // of tensor data per file; 0: one file
  // Name and content of files that belong to the tensors, config.json for one.
  std::vector<std::pair<std::string, std::string>> companions = {};
  // Names of files that must not stay beside the new ones.
  std::vector<std::string> removed = {};
  // Called when all files are complete and none is in its place; may throw.
  std::function<void()> before_commit = nullptr;
};

// Names of the files that WriteSafetensors gives the tensors, the index last.
std::vector<std::string> SafetensorsNames(const std::vector<TensorSource>& tensors,
                                          const SafetensorsOptions& options);

// Writes `directory`/model.safetensors, or with several shards model-0000k-of-0000n.safetensors
// and, last, model.safetensors.index.json. Same input, same bytes: inside a file wider element
// types come first, so that every tensor is aligned to its elements, otherwise the order given. No
// file appears before all are complete, the companions in their order after the tensors; the last
// file is the entry of CommitTogether(). Returns the paths of the tensors' files. Throws
// kInvalidArgument (a name twice, a type that the format cannot hold), kUnavailable.
std::vector<std::string> WriteSafetensors(const std::string& directory,
                                          const std::vector<TensorSource>& tensors,
                                          const SafetensorsOptions& options = {});

}  // namespace tael
