// The table of tensors of a checkpoint.
#include "checkpoint/tensor_index.h"

#include <utility>

#include "base/error.h"
#include "checkpoint/printable.h"

namespace tael {

void TensorIndex::Add(TensorInfo tensor, std::string_view where) {
  const auto [place, added] = by_name_.try_emplace(tensor.name, tensors_.size());
  if (!added) {
    Fail(ErrorCode::kCorrupt,
         "{}: tensor '{}' appears twice, needed each name once. "
         "Hint: the file is damaged or two models were mixed.",
         where, Printable(tensor.name));
  }
  tensors_.push_back(std::move(tensor));
}

const TensorInfo* TensorIndex::Find(std::string_view name) const {
  const auto found = by_name_.find(std::string(name));
  return found == by_name_.end() ? nullptr : &tensors_[found->second];
}

}  // namespace tael
