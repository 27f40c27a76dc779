// Matrices that a checkpoint holds in a packed form.
#pragma once

#include "model/model.h"

namespace tael {

// Throws kUnsupported where GGUF has no blocks for the packed matrices of a model from safetensors:
// those of MXFP4 are the same in both containers, every other form would be rounded.
void RequireGgufForm(const Model& model);

}  // namespace tael
