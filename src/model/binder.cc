#include "model/binder.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "model/bind/packed.h"
#include "model/places.h"
#include "quant/dtype.h"

namespace tael {
namespace {

// At most this many problems are spelled out; the rest is counted.
constexpr size_t kMaxListed = 20;

std::string ShapeText(const std::vector<int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

bool IsIgnored(std::string_view name) {
  return std::any_of(kIgnoredTensorEndings.begin(), kIgnoredTensorEndings.end(),
                     [&](std::string_view ending) { return name.ends_with(ending); }) ||
         std::any_of(kIgnoredTensorStarts.begin(), kIgnoredTensorStarts.end(),
                     [&](std::string_view start) { return name.starts_with(start); });
}

}  // namespace

Binder::Binder(const Family& family, const Checkpoint& checkpoint, int64_t vocab_size,
               bool headers_only)
    : family_(family),
      checkpoint_(checkpoint),
      names_(family.names),
      vocab_size_(vocab_size),
      headers_only_(headers_only),
      quantization_(ReadQuantization(checkpoint.config)) {
  const OtherNames* other = family.other;
  if (other == nullptr || IsGguf() || !HasNamed(other->mark)) return;
  names_ = other->names;
  by_columns_ = other->by_columns;
}

bool Binder::Has(Role role, int layer) const {
  const std::string name = NameOf(role, layer);
  return HasNamed(name) || SchemeOf(name) != nullptr;
}

const NameRule& Binder::RuleOf(Role role) const {
  const NameRule* rule = FindRule(names_, role);
  if (rule == nullptr) rule = FindRule(kLlamaNames, role);
  TAEL_CHECK(rule != nullptr);  // every role a spec asks for has a name
  return *rule;
}

std::string Binder::NameOf(Role role, int layer, int expert) const {
  const NameRule& rule = RuleOf(role);
  if (IsGguf()) return TensorName(rule.gguf, layer, expert);
  return WrappedName(checkpoint_.tensors, TensorName(rule.hf, layer, expert));
}

const TensorInfo* Binder::Take(const std::string& name,
                               std::span<const std::vector<int64_t>> shapes,
                               std::span<const DType> types) {
  claimed_.insert(name);
  const TensorInfo* tensor = checkpoint_.tensors.Find(name);
  if (tensor == nullptr) {
    Problem("missing tensor '{}' {}", name, ShapeText(shapes[0]));
    return nullptr;
  }
  if (std::find(shapes.begin(), shapes.end(), tensor->shape) == shapes.end()) {
    Problem("'{}' has shape {}, needed {}", name, ShapeText(tensor->shape), ShapeText(shapes[0]));
    return nullptr;
  }
  if (std::find(types.begin(), types.end(), tensor->dtype) == types.end()) {
    std::vector<const char*> needed;
    for (const DType type : types) needed.push_back(tael::Name(type));
    Problem("'{}' has type {}, needed {}", name, Name(tensor->dtype), fmt::join(needed, " or "));
    return nullptr;
  }
  used_.push_back(tensor);
  return tensor;
}

const TensorInfo* Binder::ClaimShape(const std::string& name, const std::vector<int64_t>& shape) {
  claimed_.insert(name);
  const TensorInfo* tensor = checkpoint_.tensors.Find(name);
  if (tensor == nullptr) {
    Problem("missing tensor '{}' {}", name, ShapeText(shape));
    return nullptr;
  }
  if (tensor->shape != shape) {
    Problem("'{}' has shape {}, needed {}", name, ShapeText(tensor->shape), ShapeText(shape));
    return nullptr;
  }
  return tensor;
}

const TensorInfo* Binder::Claim(const std::string& name, const std::vector<int64_t>& shape) {
  const TensorInfo* tensor = ClaimShape(name, shape);
  if (tensor == nullptr) return nullptr;
  if (!CanDecode(tensor->dtype)) {
    Problem("'{}' has type {}, which this build cannot multiply", name, Name(tensor->dtype));
    return nullptr;
  }
  used_.push_back(tensor);
  return tensor;
}

const QuantScheme* Binder::SchemeOf(const std::string& name) const {
  if (!quantization_.has_value()) return nullptr;
  const QuantScheme* scheme = quantization_->SchemeOf(ModuleOf(name));
  if (scheme == nullptr) return nullptr;
  const TensorInfo* codes = checkpoint_.tensors.Find(CodesName(*scheme, name));
  // The tensors say which modules a configuration means: several leave some plain without a word.
  return codes != nullptr && !CanDecode(codes->dtype) ? scheme : nullptr;
}

Weight Binder::PackedWeight(const QuantScheme& scheme, const std::string& name, int64_t count,
                            int64_t n, int64_t k) {
  if (quantization_->IsExcluded(ModuleOf(name))) {
    Problem("'{}' is quantised, but {} of quantization_config says that it is not", name,
            quantization_->excluded_key);
  }
  std::optional<PackedMatrix> matrix = BindPacked(scheme, name, {count, n, k}, *this);
  if (!matrix.has_value()) return {};
  Weight weight{.n = n, .k = k};
  weight.packed = std::make_shared<const PackedMatrix>(std::move(*matrix));
  packed_.push_back({name, weight.packed});
  return weight;
}

Weight Binder::WeightOf(const TensorInfo* tensor, int64_t n, int64_t k) {
  if (tensor == nullptr) return {};
  const std::optional<int64_t> row_bytes = StorageBytes(tensor->dtype, k);
  if (!row_bytes.has_value()) {
    Problem("'{}': rows of {} elements are no whole number of {} blocks", tensor->name, k,
            Name(tensor->dtype));
    return {};
  }
  return {.dtype = tensor->dtype,
          .n = n,
          .k = k,
          .data = tensor->bytes.data(),
          .row_bytes = *row_bytes};
}

Weight Binder::Matrix(Role role, int layer, int64_t n, int64_t k, int expert) {
  const std::string name = NameOf(role, layer, expert);
  const QuantScheme* scheme = SchemeOf(name);
  if (scheme != nullptr) return PackedWeight(*scheme, name, 1, n, k);
  if (by_columns_ && role != Role::kEmbedding) return ColumnsOf(Claim(name, {k, n}), n, k);
  return WeightOf(Claim(name, {n, k}), n, k);
}

Weight Binder::Stack(Role role, int layer, int64_t count, int64_t n, int64_t k) {
  const std::string name = NameOf(role, layer);
  const QuantScheme* scheme = SchemeOf(name);
  if (scheme != nullptr) return PackedWeight(*scheme, name, count, n, k);
  const TensorInfo* tensor = checkpoint_.tensors.Find(name);
  const std::vector<int64_t> flat = {count * n, k};
  const bool is_flat = tensor != nullptr && tensor->shape == flat;
  return WeightOf(Claim(name, is_flat ? flat : std::vector<int64_t>{count, n, k}), n, k);
}

Weight Binder::ColumnStack(Role role, int layer, int64_t count, int64_t n, int64_t k) {
  const std::string name = NameOf(role, layer);
  const QuantScheme* scheme = SchemeOf(name);
  if (scheme != nullptr && std::holds_alternative<ByteScheme>(*scheme)) {
    Problem("'{}' is quantised and stored by columns, which is read as MXFP4 only", name);
    return {};
  }
  if (scheme != nullptr) return PackedWeight(*scheme, name, count, n, k);
  return ColumnsOf(Claim(name, {count, k, n}), n, k);
}

Weight Binder::ColumnsOf(const TensorInfo* tensor, int64_t n, int64_t k) {
  if (tensor == nullptr) return {};
  const DTypeInfo& info = Info(tensor->dtype);
  if (info.block_size != 1) {
    Problem(
        "'{}' has type {}, and its columns can be read as rows only where a block is one element",
        tensor->name, info.name);
    return {};
  }
  return {.dtype = tensor->dtype,
          .n = n,
          .k = k,
          .data = tensor->bytes.data(),
          .row_bytes = info.block_bytes,
          .element_bytes = n * info.block_bytes};
}

const TensorInfo* Binder::NumberTable(Role role, int layer, const NumberTableShape& shape) {
  const TensorInfo* tensor = ClaimShape(NameOf(role, layer), {shape.rows, shape.columns});
  if (tensor == nullptr) return nullptr;
  const DType needed = IsGguf() ? DType::kI32 : DType::kI64;
  if (tensor->dtype != needed) {
    Problem("'{}' has type {}, needed {}", tensor->name, Name(tensor->dtype), Name(needed));
    return nullptr;
  }
  used_.push_back(tensor);
  if (headers_only_) return tensor;
  std::vector<int64_t> row(static_cast<size_t>(shape.columns));
  const size_t bytes = IsGguf() ? sizeof(int32_t) : sizeof(int64_t);
  const uint8_t* next = tensor->bytes.data();
  for (int64_t r = 0; r < shape.rows; ++r) {
    for (int64_t& number : row) {
      int32_t narrow = 0;
      std::memcpy(IsGguf() ? static_cast<void*>(&narrow) : &number, next, bytes);
      if (IsGguf()) number = narrow;
      next += bytes;
    }
    std::sort(row.begin(), row.end());
    const bool distinct = std::adjacent_find(row.begin(), row.end()) == row.end();
    if (distinct && row.front() >= 0 && row.back() < shape.limit) continue;
    Problem("'{}': row {} does not name {} different numbers from 0 to {}", tensor->name, r,
            shape.columns, shape.limit - 1);
    return nullptr;
  }
  return tensor;
}

std::vector<float> Binder::Vector(Role role, int layer, int64_t size) {
  std::vector<float> values = VectorNamed(NameOf(role, layer), size);
  const float offset = OffsetOf(role);
  if (offset == 0 || headers_only_) return values;
  for (float& value : values) value += offset;
  return values;
}

std::vector<float> Binder::FlatVector(Role role, int layer, int64_t size) {
  const std::string name = NameOf(role, layer);
  const TensorInfo* tensor = checkpoint_.tensors.Find(name);
  for (const std::vector<int64_t>& shape :
       {std::vector<int64_t>{1, size}, std::vector<int64_t>{size, 1}}) {
    if (tensor != nullptr && tensor->shape == shape) return VectorNamed(name, size, shape);
  }
  return VectorNamed(name, size);
}

std::vector<float> Binder::Values(Role role, int layer,
                                  const std::vector<std::vector<int64_t>>& shapes) {
  const std::string name = NameOf(role, layer);
  const TensorInfo* tensor = checkpoint_.tensors.Find(name);
  auto shape = std::find_if(shapes.begin(), shapes.end(), [&](const auto& candidate) {
    return tensor != nullptr && tensor->shape == candidate;
  });
  if (shape == shapes.end()) shape = shapes.begin();
  int64_t size = 1;
  for (const int64_t extent : *shape) size *= extent;
  return VectorNamed(name, size, *shape);
}

std::vector<float> Binder::VectorNamed(const std::string& name, int64_t size,
                                       const std::vector<int64_t>& shape) {
  const TensorInfo* tensor = Claim(name, shape);
  if (tensor == nullptr) return {};
  std::vector<float> values(static_cast<size_t>(size));
  if (headers_only_) return values;
  DecodeRow(tensor->dtype, tensor->bytes.data(), size, values.data());
  const auto bad =
      std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
  if (bad != values.end()) {
    Problem("'{}': element {} is not a finite number", name, bad - values.begin());
  }
  return values;
}

std::string Binder::BlockStart(int layer) const {
  return IsGguf() ? TensorName("blk.{}.", layer)
                  : WrappedName(checkpoint_.tensors, TensorName("model.layers.{}.", layer));
}

bool Binder::HasBlock(int layer) const {
  const std::string start = BlockStart(layer);
  const auto& all = checkpoint_.tensors.all();
  return std::any_of(all.begin(), all.end(),
                     [&](const TensorInfo& tensor) { return tensor.name.starts_with(start); });
}

void Binder::IgnoreBlock(int layer) {
  const std::string start = BlockStart(layer);
  for (const TensorInfo& tensor : checkpoint_.tensors.all()) {
    if (tensor.name.starts_with(start)) claimed_.insert(tensor.name);
  }
}

void Binder::RefuseUnclaimed(std::string_view start) {
  for (const TensorInfo& tensor : checkpoint_.tensors.all()) {
    if (!tensor.name.starts_with(start)) continue;
    if (claimed_.count(tensor.name) == 0 && !IsIgnored(tensor.name)) {
      Problem("unexpected tensor '{}' {}", tensor.name.substr(0, 120), ShapeText(tensor.shape));
    }
  }
}

std::string Binder::ProblemText() const {
  const size_t shown = std::min(problems_.size(), kMaxListed);
  std::string text = fmt::format(
      "{}",
      fmt::join(problems_.begin(), problems_.begin() + static_cast<std::ptrdiff_t>(shown), "; "));
  if (shown < problems_.size()) text += fmt::format("; and {} more", problems_.size() - shown);
  return text;
}

std::vector<const TensorInfo*> Binder::Finish() {
  RefuseUnclaimed("");
  if (problems_.empty()) return std::move(used_);
  Fail(ErrorCode::kCorrupt,
       "{}: {} problem(s) with the tensors of {}: {}. Hint: the configuration and the weights may "
       "come from different revisions",
       checkpoint_.path, problems_.size(), family_.architecture, ProblemText());
}

std::vector<const TensorInfo*> Binder::FinishBlock(int layer, std::string* problem) {
  RefuseUnclaimed(BlockStart(layer));
  *problem = ProblemText();
  return std::move(used_);
}

}  // namespace tael
