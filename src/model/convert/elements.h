// Rows of tensors in another type or order, produced piece by piece.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "checkpoint/tensor_index.h"
#include "checkpoint/tensor_source.h"

namespace tael {

// Bytes of one type seen as rows, and what happens to them on the way.
struct RowPlan {
  DType from = DType::kF32;
  std::vector<std::span<const uint8_t>> parts;  // whole rows, one part after the other
  int64_t row_elements = 0;
  // Source row (within its part) of each target row; null: the same.
  std::function<int64_t(int64_t)> row_of = nullptr;
  DType to = DType::kF32;
  float offset = 0;      // added to every element, in float32
  bool rounded = false;  // values may be rounded to `to`; otherwise all must fit exactly
};

// Whether ProduceRows() would round nothing. Reads all of it, unless the types say so already.
bool IsExact(const RowPlan& plan);

// The target's bytes. The function throws kUnsupported, naming `name`, for a value that does not
// fit although it must. REQUIRES: `to` is `from` without an offset, or F32, F16, BF16.
std::function<void(const ByteSink&)> ProduceRows(RowPlan plan, std::string name);

}  // namespace tael
