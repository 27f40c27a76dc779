// Whether a conversion describes the network it came from, checked before anything is written.
#pragma once

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

}  // namespace tael
