// Tensors on their way into a file: what the header says, and how the bytes are made.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "checkpoint/tensor_index.h"
#include "quant/dtype.h"

namespace tael {

using ByteSink = std::function<void(std::span<const uint8_t>)>;

// Nothing is kept in memory: `produce` is called once, when the tensor's turn has come, and gives
// bytes() bytes to the sink, in pieces of its choice.
struct TensorSource {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;  // row-major, as TensorInfo
  std::function<void(const ByteSink&)> produce;

  int64_t bytes() const;  // REQUIRES: the shape is whole blocks of `dtype`
};

// The same bytes under a name, borrowed.
TensorSource CopyOf(const TensorInfo& tensor, std::string name);

// Groups consecutive tensors so that none is larger than `max_bytes`, but for a single tensor that
// is; 0: one group. Returns the index behind each group's last tensor.
std::vector<size_t> GroupBySize(const std::vector<TensorSource>& tensors, int64_t max_bytes);

}  // namespace tael
