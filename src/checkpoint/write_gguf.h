// Writing GGUF version 3: one file, or a split set, streaming and atomic.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/gguf.h"
#include "checkpoint/tensor_source.h"

namespace tael {

using GgufEntries = std::vector<std::pair<std::string, GgufValue>>;

// Values for entries.
GgufValue GgufU16(uint16_t value);
GgufValue GgufU32(uint32_t value);
GgufValue GgufI32(int32_t value);
GgufValue GgufF32(float value);
GgufValue GgufBool(bool value);
GgufValue GgufText(std::string value);
GgufValue GgufTexts(std::vector<std::string> values);
GgufValue GgufInts(GgufType element, std::vector<int64_t> values);  // an integer type
GgufValue GgufFloats(std::vector<float> values);

struct GgufWriteOptions {
  int64_t max_shard_bytes = 0;  // of tensor data per file; 0: one file
  // Called when all parts are complete and none is in its place; may throw.
  std::function<void()> before_commit = nullptr;
};

// The files that WriteGguf makes of `path`: itself, or the parts in their order.
std::vector<std::string> GgufPaths(const std::string& path,
                                   const std::vector<TensorSource>& tensors,
                                   const GgufWriteOptions& options);

// Writes `path`, or with several parts PREFIX-0000k-of-0000n.gguf, PREFIX being `path` without
// ".gguf". Metadata in the order given (the first part has all of it, each part the split keys);
// tensors in the order given, aligned to general.alignment (32 where it is missing). Same input,
// same bytes. No file appears before all are complete. Returns their paths. Throws kInvalidArgument
// (a key or name twice, a type that the format cannot hold, a bad alignment, split keys),
// kUnavailable.
std::vector<std::string> WriteGguf(const std::string& path, const GgufEntries& metadata,
                                   const std::vector<TensorSource>& tensors,
                                   const GgufWriteOptions& options = {});

}  // namespace tael
