#include "model/adapter/report.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "checkpoint/printable.h"

namespace tael {
namespace {

constexpr size_t kMaxListed = 20;

}  // namespace

void AdapterReport::Problem(const std::string& target, const std::string& what) {
  problems_.push_back(fmt::format("'{}': {}", Printable(target), what));
}

void AdapterReport::Unsupported(const std::string& target, const std::string& what) {
  unsupported_ = true;
  Problem(target, what);
}

bool AdapterReport::HasShape(const LoraModule& module, const TensorInfo& tensor,
                             const std::vector<int64_t>& shape) {
  if (tensor.shape != shape || shape[0] < 1 || shape.back() < 1) {
    Problem(module.target, fmt::format("'{}' has shape [{}], needed [{}]", Printable(tensor.name),
                                       fmt::join(tensor.shape, ", "), fmt::join(shape, ", ")));
    return false;
  }
  const bool plain =
      tensor.dtype == DType::kF32 || tensor.dtype == DType::kF16 || tensor.dtype == DType::kBF16;
  if (!plain) {
    Problem(module.target, fmt::format("'{}' has type {}, needed F32, F16 or BF16",
                                       Printable(tensor.name), Name(tensor.dtype)));
  }
  return plain;
}

bool AdapterReport::AllFinite(const LoraModule& module,
                              std::initializer_list<const std::vector<float>*> lists) {
  for (const auto* values : lists) {
    if (std::all_of(values->begin(), values->end(), [](float v) { return std::isfinite(v); })) {
      continue;
    }
    Problem(module.target, "has an element that is not a finite number");
    return false;
  }
  return true;
}

void AdapterReport::Throw(const LoraFile& file, const std::string& base) const {
  const size_t shown = std::min(problems_.size(), kMaxListed);
  const auto end = problems_.begin() + static_cast<std::ptrdiff_t>(shown);
  Fail(
      unsupported_ ? ErrorCode::kUnsupported : ErrorCode::kCorrupt,
      "{}: {} module(s) cannot be applied to {}: {}{}. Hint: an adapter fits only the model it was "
      "trained on",
      file.path, problems_.size(), base, fmt::join(problems_.begin(), end, "; "),
      shown < problems_.size() ? fmt::format("; and {} more", problems_.size() - shown) : "");
}

}  // namespace tael
