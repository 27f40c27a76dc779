#include "checkpoint/tensor_source.h"

#include <utility>

#include "base/error.h"

namespace tael {

int64_t TensorSource::bytes() const {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  const std::optional<int64_t> bytes = StorageBytes(dtype, count);
  TAEL_CHECK(bytes.has_value());
  return *bytes;
}

TensorSource CopyOf(const TensorInfo& tensor, std::string name) {
  return {.name = std::move(name),
          .dtype = tensor.dtype,
          .shape = tensor.shape,
          .produce = [bytes = tensor.bytes](const ByteSink& sink) { sink(bytes); }};
}

std::vector<size_t> GroupBySize(const std::vector<TensorSource>& tensors, int64_t max_bytes) {
  std::vector<size_t> ends;
  int64_t used = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const int64_t bytes = tensors[i].bytes();
    if (max_bytes > 0 && i > 0 && used > 0 && used + bytes > max_bytes) {
      ends.push_back(i);
      used = 0;
    }
    used += bytes;
  }
  ends.push_back(tensors.size());
  return ends;
}

}  // namespace tael
