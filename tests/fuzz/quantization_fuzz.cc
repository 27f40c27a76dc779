// Fuzz target: a quantization_config with a table of tensors. What is bound is also decoded, so
// that a wrong shape, stride or group index that slips through reads outside its tensor.
#include <cstdint>
#include <cstring>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "model/binder.h"
#include "model/families.h"
#include "quant/packed_matrix.h"

namespace {

constexpr int64_t kMostBytes = 1 << 16;

// The bytes of a tensor, exactly as many as its shape needs; nullopt when it is too large.
std::optional<std::vector<uint8_t>> BytesOf(const tael::TensorInfo& tensor, uint8_t seed) {
  int64_t count = 1;
  for (const int64_t size : tensor.shape) {
    if (size < 0 || size > kMostBytes) return std::nullopt;
    count *= size;
    if (count > kMostBytes) return std::nullopt;
  }
  const std::optional<int64_t> bytes = tael::StorageBytes(tensor.dtype, count);
  if (!bytes.has_value()) return std::nullopt;
  std::vector<uint8_t> out(static_cast<size_t>(*bytes));
  // Small integers in little-endian words: group indices that are often valid.
  for (size_t i = 0; i < out.size(); i += 4) out[i] = static_cast<uint8_t>(i / 4 * seed % 7);
  return out;
}

// The document: {"quantization_config": .., "n": .., "k": .., "tensors": [[name, type, shape], ..]}
void Run(const tael::Json& document) {
  tael::Checkpoint checkpoint{.path = "fuzz",
                              .directory = "",
                              .container = tael::Container::kSafetensors,
                              .config = tael::ConfigView(document, "fuzz"),
                              .tensors = {},
                              .gguf = nullptr,
                              .files = {},
                              .eos_token_ids = {},
                              .generation_config = {}};
  const int64_t n = checkpoint.config.Int("n"), k = checkpoint.config.Int("k");
  if (n < 1 || k < 1 || n > 512 || k > 512) return;
  const int64_t shape_values[] = {n, k};
  std::deque<std::vector<uint8_t>> memory;
  const tael::Json* list = document.Find("tensors");
  if (list == nullptr || !list->is_array()) return;
  for (const tael::Json& entry : list->as_array()) {
    if (!entry.is_array() || entry.as_array().size() != 3) return;
    const auto& [name, type, shape] =
        std::tie(entry.as_array()[0], entry.as_array()[1], entry.as_array()[2]);
    if (!name.is_string() || !type.is_string() || !shape.is_array()) return;
    const auto dtype = tael::DTypeFromSafetensors(type.as_string());
    if (!dtype.has_value()) return;
    tael::TensorInfo tensor{.name = name.as_string(), .dtype = *dtype, .shape = {}, .bytes = {}};
    for (const tael::Json& size : shape.as_array()) {
      if (!size.is_int()) return;
      tensor.shape.push_back(size.as_int());
    }
    auto bytes = BytesOf(tensor, static_cast<uint8_t>(memory.size() + 1));
    if (!bytes.has_value()) return;
    // Otherwise no document would get past this one.
    if (tensor.name.ends_with(".weight_shape") && bytes->size() == sizeof(shape_values)) {
      std::memcpy(bytes->data(), shape_values, sizeof(shape_values));
    }
    tensor.bytes = memory.emplace_back(std::move(*bytes));
    checkpoint.tensors.Add(std::move(tensor), "fuzz");
  }
  tael::Binder binder(*tael::FindFamily("LlamaForCausalLM"), checkpoint, /*vocab_size=*/64,
                      /*headers_only=*/false);
  const tael::Weight weight = binder.Matrix(tael::Role::kQuery, 0, n, k);
  if (weight.packed == nullptr) return;
  std::vector<float> values(static_cast<size_t>(n * k));
  tael::DecodePacked(*weight.packed, {.first = 0, .count = n}, tael::kPlainDecoders, values.data());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    Run(tael::ParseJson(text, "fuzz"));
  } catch (const tael::Error&) {
    // Refusing is the expected outcome.
  }
  return 0;
}
