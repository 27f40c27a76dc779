// Whether a conversion describes the network it came from: checked before anything is written.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "checkpoint/tensor_source.h"
#include "checkpoint/write_gguf.h"
#include "model/model.h"

namespace tael {

// Reads GGUF keys and the tensors' names, types and shapes as any reader would, and compares the
// network with the model's, the rotation of each layer included. Throws kUnsupported with every
// difference, and with every tensor that could not be read.
void CheckGgufDescribes(const Model& model, const GgufEntries& entries,
                        const std::vector<TensorSource>& tensors);

// The same for a config.json and the tensors beside it. `allowed_keys` as in LoadOptions.
void CheckConfigDescribes(const Model& model, const Json& config,
                          const std::vector<TensorSource>& tensors,
                          const std::vector<std::string>& allowed_keys = {});

}  // namespace tael
