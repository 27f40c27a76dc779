// config.json for a model from GGUF.
#pragma once

#include "base/json.h"
#include "model/model.h"

namespace tael {

// What the file carries (checkpoint/carried.h), else its keys in Hugging Face's words, with the
// parameters of llama3's rope found from its divisors. Throws kUnsupported when those are of
// another kind.
Json HfConfigOf(const Model& model);

}  // namespace tael
