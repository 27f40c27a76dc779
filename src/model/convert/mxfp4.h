// MXFP4 experts in the two containers: the same 32 codes and one scale, in another order. Hugging
// Face has the codes of neighbours in one byte, in a tensor of blocks, and the scales in another;
// GGUF has the scale, then 16 bytes with code i low and code i + 16 high.
#pragma once

#include <functional>

#include "checkpoint/tensor_source.h"

namespace tael {

// Which rows of each expert make a tensor of GGUF: all, or every other one from `first` on.
struct Mxfp4Rows {
  int64_t experts = 0;
  int64_t rows = 0;    // of an expert, in Hugging Face
  int64_t blocks = 0;  // of a row
  int64_t first = 0, step = 1;
};

// GGUF's bytes of Hugging Face's.
std::function<void(const ByteSink&)> Mxfp4ToGguf(const Mxfp4Rows& shape,
                                                 std::span<const uint8_t> codes,
                                                 std::span<const uint8_t> scales);

// Hugging Face's codes, or scales, of GGUF's. With two tensors the rows of an expert are those of
// the first and of the second by turns. `shape.rows` are all rows of an expert.
std::function<void(const ByteSink&)> Mxfp4ToHf(const Mxfp4Rows& shape,
                                               std::span<const uint8_t> even,
                                               std::span<const uint8_t> odd, bool scales);

}  // namespace tael
