// The tensors of an opened checkpoint by name: type, shape and bytes inside a mapped file.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "quant/dtype.h"

namespace tael {

struct TensorInfo {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;  // row-major, Hugging Face order: last dimension contiguous
  std::span<const uint8_t>
      bytes;     // exactly StorageBytes(dtype, product(shape)), inside the mapping
  int file = 0;  // which file of the checkpoint holds it
};

// In file order; names are unique.
class TensorIndex {
 public:
  // Throws kCorrupt when the name is already there. `where` names the file in the message.
  void Add(TensorInfo tensor, std::string_view where);
  const TensorInfo* Find(std::string_view name) const;  // nullptr when absent
  const std::vector<TensorInfo>& all() const { return tensors_; }

 private:
  std::vector<TensorInfo> tensors_;
  std::unordered_map<std::string, size_t> by_name_;
};

}  // namespace tael
