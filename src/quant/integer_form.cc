// The integer form of block formats, found through the table of formats.
#include "quant/integer_form.h"

#include "quant/block_format.h"

namespace tael {

size_t IntegerBlockSize(DType dtype) {
  const BlockFormat* format = FindBlockFormat(dtype);
  return format != nullptr && format->integer_form ? format->unit : 0;
}

size_t ActivationBlock(DType dtype) { return IntegerBlockSize(dtype) == 256 ? 256 : 32; }

bool HasMinimum(DType dtype) {
  const BlockFormat* format = FindBlockFormat(dtype);
  return format != nullptr && format->has_minimum;
}

void UnpackIntegerBlock(DType dtype, const uint8_t* row, size_t index, IntegerBlock* out) noexcept {
  const BlockFormat& format = *FindBlockFormat(dtype);
  const size_t parts = format.elements / format.unit;
  format.unpack(row + index / parts * format.bytes, index % parts, out);
}

}  // namespace tael
