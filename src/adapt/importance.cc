#include "adapt/importance.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>

#include "base/error.h"
#include "checkpoint/gguf.h"
#include "checkpoint/printable.h"
#include "checkpoint/write_gguf.h"

namespace tael {
namespace {

constexpr const char* kSquares = ".in_sum2";
constexpr const char* kRows = ".counts";

std::vector<float> Floats(const TensorInfo& tensor, const std::string& path) {
  if (tensor.dtype != DType::kF32) {
    Fail(ErrorCode::kCorrupt, "{}: tensor '{}' is {}, needed F32", path, Printable(tensor.name),
         Name(tensor.dtype));
  }
  std::vector<float> values(tensor.bytes.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  const bool good =
      std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x) && x >= 0; });
  if (!good) {
    Fail(ErrorCode::kCorrupt, "{}: tensor '{}' holds what is no finite number from 0 up", path,
         Printable(tensor.name));
  }
  return values;
}

TensorSource Source(const std::string& name, std::vector<int64_t> shape,
                    const std::vector<float>& values) {
  return {.name = name,
          .dtype = DType::kF32,
          .shape = std::move(shape),
          .produce = [&values](const ByteSink& sink) {
            sink({reinterpret_cast<const uint8_t*>(values.data()), values.size() * sizeof(float)});
          }};
}

}  // namespace

std::vector<float> Importance::MeansOf(const std::string& name) const {
  const auto found = tensors.find(name);
  if (found == tensors.end()) return {};
  const ImportanceSums& sums = found->second;
  std::vector<float> means(sums.squares.size(), 1.0f);
  for (size_t i = 0; i < means.size(); ++i) {
    const float rows = sums.rows[i / static_cast<size_t>(sums.columns)];
    if (rows > 0) means[i] = sums.squares[i] / rows;
  }
  return means;
}

Importance ReadImportance(const std::string& path) {
  const Gguf gguf = OpenGguf(path);
  if (gguf.metadata.Text("general.type", "") != "imatrix") {
    Fail(ErrorCode::kUnsupported,
         "{}: general.type is '{}', needed 'imatrix'. Hint: `tael imatrix` makes such a file", path,
         Printable(gguf.metadata.Text("general.type", "")));
  }
  Importance out;
  out.chunks = gguf.metadata.Integer("imatrix.chunk_count", 0);
  out.chunk_size = gguf.metadata.Integer("imatrix.chunk_size", 0);
  if (const GgufValue* texts = gguf.metadata.Find("imatrix.datasets")) out.texts = texts->strings;
  for (const TensorInfo& tensor : gguf.tensors.all()) {
    if (!tensor.name.ends_with(kSquares)) continue;
    const std::string name = tensor.name.substr(0, tensor.name.size() - std::strlen(kSquares));
    const TensorInfo* counts = gguf.tensors.Find(name + kRows);
    ImportanceSums sums{.matrices = 1, .columns = tensor.shape.back()};
    sums.squares = Floats(tensor, path);
    if (sums.columns > 0) {
      sums.matrices = static_cast<int64_t>(sums.squares.size()) / sums.columns;
    }
    if (counts != nullptr) sums.rows = Floats(*counts, path);
    if (sums.columns < 1 || sums.rows.size() != static_cast<size_t>(sums.matrices)) {
      Fail(ErrorCode::kCorrupt, "{}: '{}' has {} matrices and {} counts", path, Printable(name),
           sums.matrices, sums.rows.size());
    }
    out.tensors.emplace(name, std::move(sums));
  }
  if (out.tensors.empty()) Fail(ErrorCode::kCorrupt, "{}: holds no sums of activations", path);
  return out;
}

void WriteImportance(const std::string& path, const Importance& importance) {
  const GgufEntries entries = {
      {"general.type", GgufText("imatrix")},
      {"imatrix.datasets", GgufTexts(importance.texts)},
      {"imatrix.chunk_count", GgufU32(static_cast<uint32_t>(importance.chunks))},
      {"imatrix.chunk_size", GgufU32(static_cast<uint32_t>(importance.chunk_size))}};
  std::vector<TensorSource> tensors;
  for (const auto& [name, sums] : importance.tensors) {
    tensors.push_back(Source(name + kSquares, {sums.matrices, sums.columns}, sums.squares));
    tensors.push_back(Source(name + kRows, {sums.matrices, 1}, sums.rows));
  }
  WriteGguf(path, entries, tensors);
}

}  // namespace tael
