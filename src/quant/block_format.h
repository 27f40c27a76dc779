// What the quant folder knows about a block format: its sizes and how to unpack it. The table of
// formats is formats.cc.
#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/dtype.h"
#include "quant/integer_form.h"

namespace tael {

// One row of the table. A stored block of `elements` elements in `bytes` bytes is unpacked in
// elements / unit parts of `unit` elements.
struct BlockFormat {
  DType dtype;
  size_t elements;
  size_t unit;
  size_t bytes;
  bool has_minimum;   // blocks have an offset besides the scale
  bool integer_form;  // false: an activation type, which is decoded but never multiplied

  // Unpacks part `part` of the block at `block` (any alignment).
  void (*unpack)(const uint8_t* block, size_t part, IntegerBlock* out) noexcept;
  // True when the scales alone show that every element of the block is finite.
  bool (*surely_finite)(const uint8_t* block) noexcept;
};

// The format of a block type, nullptr for plain types.
const BlockFormat* FindBlockFormat(DType dtype);

// For Unpack functions: sets `runs` runs to sub-scale 1 and minimum `minimum`.
inline void SetPlainRuns(IntegerBlock* out, size_t runs, int16_t minimum = 0) noexcept {
  for (size_t r = 0; r < runs; ++r) {
    out->subscale[r] = 1;
    out->minimum[r] = minimum;
  }
}

}  // namespace tael
