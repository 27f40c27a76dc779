// Rows of tensors in another type or order, produced piece by piece.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "checkpoint/tensor_index.h"
#include "checkpoint/tensor_source.h"

namespace tael {

class DecodedMatrix;

// Bytes of the source seen as rows, in the order they have or another.
struct RowPart {
  std::span<const uint8_t> bytes;
  int64_t row_elements = 0;
  // Source row of each row of the target; null: the same. A row of one element makes any order of
  // elements.
  std::function<int64_t(int64_t)> row_of = nullptr;
  int64_t rows = -1;                   // of the target; -1: as many as there are
  std::span<const uint8_t> more = {};  // rows that count on behind those of `bytes`
  // Where `bytes` are filled while they are read only (decoded.h); null: they are there.
  DecodedMatrix* decoded = nullptr;
};

// A tensor made of parts, one after the other, and what happens to them on the way.
struct RowPlan {
  DType from = DType::kF32;
  std::vector<RowPart> parts;
  DType to = DType::kF32;
  std::function<float(float)> map = nullptr;  // of every element, in float32; null: none
  bool rounded = false;  // values may be rounded to `to`; otherwise all must fit exactly
};

// Whether ProduceRows() would round nothing. Reads all of it, unless the types say so already.
bool IsExact(const RowPlan& plan);

// The target's bytes. The function throws kUnsupported, naming `name`, for a value that does not
// fit although it must, or that would no longer be finite. REQUIRES: `to` is `from` without a map,
// or F32, F16, BF16; with `to` a block type, rows are whole blocks.
std::function<void(const ByteSink&)> ProduceRows(RowPlan plan, std::string name);

// All values of a plan, decoded and mapped.
std::vector<float> ValuesOf(const RowPlan& plan);

}  // namespace tael
