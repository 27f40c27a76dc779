// Whether a conversion describes the network it came from, and whether its target is free: checked
// before anything is written.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "checkpoint/tensor_source.h"
#include "checkpoint/write_gguf.h"
#include "model/model.h"

namespace tael {

// Reads GGUF keys and tensor shapes as any reader would and compares the network with the model's.
// Throws kUnsupported with every difference.
void CheckGgufDescribes(const Model& model, const GgufEntries& entries,
                        const std::vector<TensorSource>& tensors);

// The same for a config.json.
void CheckConfigDescribes(const Model& model, const Json& config);

// `target`, or parts of a set of this name, are there: replaced only with `force`, and only when
// `paths`, the new files, replace all of them. Throws kInvalidArgument.
void CheckGgufTarget(const std::string& target, const std::vector<std::string>& paths, bool force);

// `names` are the new weight files. A directory with files is written into only with `force`, and
// only when it holds no weights, tokenizer or template that would stay and be read with the new
// model. Throws kInvalidArgument.
void CheckSafetensorsTarget(const std::string& directory, const std::vector<std::string>& names,
                            bool force);

}  // namespace tael
