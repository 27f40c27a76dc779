// Tables of whole numbers, the experts of each token of DeepSeek-V4: I64 in safetensors, I32 in
// GGUF. Those of a bound model fit both.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "checkpoint/tensor_source.h"

namespace tael {

// The other container's bytes. REQUIRES: whole numbers of the type, in the range of int32.
std::function<void(const ByteSink&)> NumbersToGguf(std::span<const uint8_t> wide);
std::function<void(const ByteSink&)> NumbersToHf(std::span<const uint8_t> narrow);

}  // namespace tael
