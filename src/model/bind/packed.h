// Binding of matrices that are made of several tensors.
#pragma once

#include <optional>
#include <string>

#include "model/binder.h"
#include "model/quantization.h"

namespace tael {

// `count` matrices [n, k]; 1 unless they are a stack.
struct PackedShape {
  int64_t count = 1, n = 0, k = 0;
};

// The module that a tensor belongs to: its name without ".weight".
std::string ModuleOf(const std::string& tensor_name);
// The tensor that holds the codes of the matrix whose plain tensor would be `tensor_name`.
std::string CodesName(const QuantScheme& scheme, const std::string& tensor_name);

// Claims the tensors of a packed matrix and checks their shapes, types and, unless headers only are
// read, the group indices. nullopt when something is wrong, which is reported to the binder.
std::optional<PackedMatrix> BindPacked(const QuantScheme& scheme, const std::string& tensor_name,
                                       const PackedShape& shape, Binder& binder);

}  // namespace tael
