// Vectors whose numbers the two containers store differently: gains as their distance from 1, and
// the rates of gated delta nets as logarithms in Hugging Face's.
#pragma once

#include <functional>
#include <vector>

#include "checkpoint/write_gguf.h"
#include "model/model.h"
#include "model/places.h"

namespace tael {

// Tensors that GGUF files have in F32 besides vectors.
bool IsAlwaysF32(Role role);

// What makes GGUF's number of Hugging Face's, in float32, as a model from safetensors does when it
// is loaded; null: the numbers are the same.
std::function<float(float)> MapToGguf(const Family& family, Role role);
// The way back, which may be off by a rounding.
std::function<float(float)> MapToHf(const Family& family, Role role);

// Entries with the bytes of those vectors that the way back would not give again
// (carried::kSourceBytes).
GgufEntries CarriedVectors(const Model& model, const Family& family);

}  // namespace tael
