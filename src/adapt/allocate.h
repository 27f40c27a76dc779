// Dividing a number of bytes among tensors so that what is lost is least.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "quant/dtype.h"

namespace tael {

// A type that a tensor could have.
struct TypeOption {
  DType type = DType::kF32;
  int64_t bytes = 0;
  double cost = 0;  // what is lost with it
};

// For each tensor the index of its option. Begins with the smallest of each and takes the step that
// gains most per byte while it fits, along the lower convex hull of bytes and cost; equal gains go
// to the first tensor. Throws kInvalidArgument when even the smallest need more than `budget`.
// REQUIRES: every tensor has an option.
std::vector<size_t> Allocate(const std::vector<std::vector<TypeOption>>& tensors, int64_t budget);

}  // namespace tael
