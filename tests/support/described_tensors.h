// Tensors as a JSON list of [name, type, shape], for fuzz targets: small, all bytes alike.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/json.h"
#include "checkpoint/tensor_index.h"
#include "quant/dtype.h"

namespace tael {

inline constexpr int64_t kMostDescribed = 1 << 16;  // elements of a tensor

// nullopt when the entry is no such list, or too large. The bytes live in `memory`.
inline std::optional<TensorInfo> DescribedTensor(const Json& entry,
                                                 std::deque<std::vector<uint8_t>>& memory) {
  if (!entry.is_array() || entry.as_array().size() != 3) return std::nullopt;
  const JsonArray& parts = entry.as_array();
  if (!parts[0].is_string() || !parts[1].is_string() || !parts[2].is_array()) return std::nullopt;
  const auto dtype = DTypeFromSafetensors(parts[1].as_string());
  if (!dtype.has_value()) return std::nullopt;
  TensorInfo tensor{.name = parts[0].as_string(), .dtype = *dtype, .shape = {}, .bytes = {}};
  int64_t count = 1;
  for (const Json& size : parts[2].as_array()) {
    if (!size.is_int() || size.as_int() < 0 || size.as_int() > kMostDescribed) return std::nullopt;
    tensor.shape.push_back(size.as_int());
    count *= size.as_int();
    if (count > kMostDescribed) return std::nullopt;
  }
  const std::optional<int64_t> bytes = StorageBytes(*dtype, count);
  if (!bytes.has_value()) return std::nullopt;
  tensor.bytes = memory.emplace_back(static_cast<size_t>(*bytes), uint8_t{0x3c});
  return tensor;
}

// All of a list; nullopt when one is none.
inline std::optional<std::vector<TensorInfo>> DescribedTensors(
    const Json& list, std::deque<std::vector<uint8_t>>& memory) {
  if (!list.is_array()) return std::nullopt;
  std::vector<TensorInfo> tensors;
  for (const Json& entry : list.as_array()) {
    std::optional<TensorInfo> tensor = DescribedTensor(entry, memory);
    if (!tensor.has_value()) return std::nullopt;
    tensors.push_back(std::move(*tensor));
  }
  return tensors;
}

}  // namespace tael
