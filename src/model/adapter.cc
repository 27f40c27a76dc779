// A module of an adapter names a tensor of the base model. Matrices that the network multiplies are
// looked up inside that tensor's bytes, so fused and stacked tensors need no rules of their own:
// each matrix gets its rows of B.
#include "model/adapter.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "base/error.h"
#include "checkpoint/gguf_keys.h"
#include "checkpoint/printable.h"
#include "model/places.h"
#include "model/qk_order.h"

namespace tael {
namespace {

constexpr size_t kMaxListed = 20;

// The matrices that a step multiplies through Matmul(), by their bytes.
using Sites = std::map<const uint8_t*, Weight>;

// Whole rows one after the other, which B can be cut along: no packed matrix, none stored by
// columns, none with other rows in between.
bool IsPlain(const Weight& w) {
  return w.data != nullptr && w.packed == nullptr && w.element_bytes == 0 &&
         w.row_bytes == StorageBytes(w.dtype, w.k);
}

void AddSite(const Weight& w, Sites* sites) {
  if (IsPlain(w)) sites->emplace(w.data, w);
}

void AddSites(const GqaWeights& w, Sites* sites) {
  for (const Weight* matrix : {&w.q, &w.k, &w.v, &w.o}) AddSite(*matrix, sites);
}
void AddSites(const DenseFfnWeights& w, Sites* sites) {
  for (const Weight* matrix : {&w.gate, &w.up, &w.down}) AddSite(*matrix, sites);
}
void AddSites(const MoeFfnWeights& w, Sites* sites) {
  for (const DenseFfnWeights& expert : w.experts) AddSites(expert, sites);
  AddSites(w.shared, sites);
}
// Parts that adapters cannot change yet; a module that aims there is refused.
template <typename Other>
void AddSites(const Other&, Sites*) {}

// The bytes of one matrix [rows, ...] of the base.
struct BaseMatrix {
  const uint8_t* data = nullptr;
  int64_t rows = 0, columns = 0, row_bytes = 0;
};

std::vector<float> Decoded(const TensorInfo& tensor) {
  int64_t count = 1;
  for (const int64_t size : tensor.shape) count *= size;
  std::vector<float> values(static_cast<size_t>(count));
  DecodeRow(tensor.dtype, tensor.bytes.data(), count, values.data());
  return values;
}

// Row i of the result is row order(i) of `values`, which has rows of `width`.
template <typename Order>
std::vector<float> Reordered(const std::vector<float>& values, int64_t width, const Order& order) {
  std::vector<float> out(values.size());
  const int64_t rows = static_cast<int64_t>(values.size()) / width;
  for (int64_t i = 0; i < rows; ++i) {
    std::copy_n(values.begin() + order(i) * width, width, out.begin() + i * width);
  }
  return out;
}

std::vector<float> Transposed(const std::vector<float>& values, int64_t rows, int64_t columns) {
  std::vector<float> out(values.size());
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      out[static_cast<size_t>(c * rows + r)] = values[static_cast<size_t>(r * columns + c)];
    }
  }
  return out;
}

// |row n of W + scale * B A|, in the order of docs/numerics.md, adapters.
double RowNorm(const Weight& w, const LowRankChange& change, int64_t n, std::vector<float>* row) {
  row->resize(static_cast<size_t>(w.k));
  DecodeRow(w.dtype, w.row(n), w.k, row->data());
  for (int64_t r = 0; r < change.rank; ++r) {
    const float factor = change.scale * change.b[static_cast<size_t>(n * change.rank + r)];
    const float* a = change.a.data() + r * w.k;
    for (int64_t i = 0; i < w.k; ++i) (*row)[static_cast<size_t>(i)] += factor * a[i];
  }
  std::array<double, 16> lanes{};
  for (size_t i = 0; i < row->size(); ++i) {
    lanes[i % 16] += static_cast<double>((*row)[i]) * static_cast<double>((*row)[i]);
  }
  for (size_t half = 8; half > 0; half /= 2) {
    for (size_t i = 0; i < half; ++i) lanes[i] += lanes[i + half];
  }
  return std::sqrt(lanes[0]);
}

class AdapterBinder {
 public:
  AdapterBinder(const LoraFile& file, const AdapterBase& base) : file_(file), base_(base) {
    for (const LayerWeights& layer : base.weights.layers) {
      std::visit([&](const auto& part) { AddSites(part, &sites_); }, layer.attention);
      std::visit([&](const auto& part) { AddSites(part, &sites_); }, layer.ffn);
    }
    base_interleaved_ = HasInterleavedQk(base.checkpoint);
    if (file.container == Container::kGguf) CheckArchitecture();
  }

  std::unique_ptr<Adapter> Bind(const std::string& name) {
    adapter_->name = name;
    adapter_->path = file_.path;
    adapter_->storage.assign(file_.files.begin(), file_.files.end());
    for (const LoraModule& module : file_.modules) BindModule(module);
    if (adapter_->products.empty() && !adapter_->embedding && problems_.empty()) {
      Problem("", "there is nothing in it");
    }
    if (problems_.empty()) return std::move(adapter_);
    const size_t shown = std::min(problems_.size(), kMaxListed);
    const auto end = problems_.begin() + static_cast<std::ptrdiff_t>(shown);
    Fail(
        unsupported_ ? ErrorCode::kUnsupported : ErrorCode::kCorrupt,
        "{}: {} module(s) cannot be applied to {} ({}): {}{}. Hint: an adapter fits only the model "
        "it was trained on",
        file_.path, problems_.size(), base_.checkpoint.path, base_.family.architecture,
        fmt::join(problems_.begin(), end, "; "),
        shown < problems_.size() ? fmt::format("; and {} more", problems_.size() - shown) : "");
  }

 private:
  // A GGUF file names its architecture in GGUF's words, a Hugging Face base in its own.
  bool IsOfBase(const GgufArch& arch) const {
    if (base_.checkpoint.gguf != nullptr) {
      return base_.checkpoint.gguf->Text("general.architecture", "") == file_.architecture;
    }
    const std::string base = base_.family.architecture;
    const bool llama = file_.architecture == "llama" &&
                       (base == "MistralForCausalLM" || base == "MixtralForCausalLM");
    return llama || base == arch.model_class;
  }

  void CheckArchitecture() {
    const GgufArch* arch = FindGgufArch(file_.architecture);
    if (arch == nullptr || !IsOfBase(*arch)) {
      Fail(ErrorCode::kCorrupt, "{}: is an adapter of the architecture '{}', but {} is '{}'",
           file_.path, Printable(file_.architecture), base_.checkpoint.path,
           base_.family.architecture);
    }
    adapter_interleaved_ = arch->permuted_qk;
  }

  void BindModule(const LoraModule& module) {
    const auto place = PlaceOf(module.target, base_.family, file_.container);
    if (!place || place->layer >= static_cast<int>(base_.spec.layers.size())) {
      return Problem(module.target, "the model has no such weight");
    }
    if (place->role == Role::kEmbedding) return BindEmbedding(module);
    if (module.embedding) return Problem(module.target, "is no embedding, but adapted like one");
    const std::optional<BaseMatrix> matrix = FindMatrix(*place);
    if (!matrix) return Problem(module.target, "the model has no matrix of this kind");
    std::vector<Weight> parts = PartsOf(*place, *matrix);
    int64_t covered = 0;
    for (const Weight& part : parts) covered += part.n;
    if (covered != matrix->rows) {
      unsupported_ = true;
      return Problem(module.target, "this part of the network cannot be adapted");
    }
    if (module.saved != nullptr) return BindSaved(module, *place, parts);
    if (!HasShape(module, *module.a, {module.a->shape[0], matrix->columns}) ||
        !HasShape(module, *module.b, {matrix->rows, module.a->shape[0]})) {
      return;
    }
    if (module.base_copy != nullptr && place->role != Role::kHead) {
      unsupported_ = true;
      return Problem(module.target, "has a base_layer.weight, and is no embedding and no head");
    }
    if (place->role == Role::kHead && !FitsCopy(module, parts[0])) return;
    BindLowRank(module, *place, *matrix, parts);
  }

  // The rows of an adapter's vector or matrix in the base's order.
  std::vector<float> InBaseOrder(const TensorInfo& tensor, const TensorPlace& place) const {
    std::vector<float> values = Decoded(tensor);
    const bool qk = place.role == Role::kQuery || place.role == Role::kKey;
    const auto* gqa =
        std::get_if<GqaSpec>(&base_.spec.layers[static_cast<size_t>(place.layer)].attention);
    if (!qk || gqa == nullptr || base_interleaved_ == adapter_interleaved_) return values;
    const int64_t width = tensor.shape.size() == 2 ? tensor.shape[1] : 1;
    return Reordered(values, width, [&](int64_t row) {
      return base_interleaved_ ? HalvesRowOf(row, gqa->head_dim)
                               : InterleavedRowOf(row, gqa->head_dim);
    });
  }

  void BindLowRank(const LoraModule& module, const TensorPlace& place, const BaseMatrix& matrix,
                   const std::vector<Weight>& parts) {
    const int64_t rank = module.a->shape[0];
    const std::vector<float> a = Decoded(*module.a), b = InBaseOrder(*module.b, place);
    std::vector<float> magnitude;
    if (module.magnitude != nullptr) {
      if (!HasShape(module, *module.magnitude, {matrix.rows})) return;
      magnitude = InBaseOrder(*module.magnitude, place);
    }
    if (!AllFinite(module, {&a, &b, &magnitude})) return;
    for (const Weight& part : parts) {
      const int64_t first = (part.data - matrix.data) / matrix.row_bytes;
      LowRankChange change{.rank = rank, .a = a, .scale = static_cast<float>(module.scale)};
      change.b.assign(b.begin() + first * rank, b.begin() + (first + part.n) * rank);
      if (!magnitude.empty()) {
        change.gains = Gains(part, change, magnitude.data() + first);
        if (!AllFinite(module, {&change.gains})) return;
      }
      Keep(module, part, std::move(change));
    }
  }

  // Of headers alone, only as many: the norms need the weights. A row of zeros has no finite one.
  std::vector<float> Gains(const Weight& part, const LowRankChange& change,
                           const float* magnitude) const {
    std::vector<float> gains(static_cast<size_t>(part.n), 1.0f), row;
    for (int64_t n = 0; n < part.n && !base_.headers_only; ++n) {
      gains[static_cast<size_t>(n)] =
          static_cast<float>(static_cast<double>(magnitude[n]) / RowNorm(part, change, n, &row));
    }
    return gains;
  }

  // Row by row: a saved embedding may be as large as all the rest.
  bool IsFinite(const LoraModule& module, const Weight& w) {
    std::vector<float> row(static_cast<size_t>(w.k));
    for (int64_t n = 0; n < w.n && !base_.headers_only; ++n) {
      DecodeRow(w.dtype, w.row(n), w.k, row.data());
      if (!AllFinite(module, {&row})) return false;
    }
    return true;
  }

  // An embedding or a head may bring a copy of the base's weight. Another weight than the base's
  // would have been trained beside; a quantised base cannot tell.
  bool FitsCopy(const LoraModule& module, const Weight& w) {
    if (module.base_copy == nullptr) return true;
    if (!HasShape(module, *module.base_copy, {w.n, w.k})) return false;
    const bool plain =
        IsPlain(w) && (w.dtype == DType::kF32 || w.dtype == DType::kF16 || w.dtype == DType::kBF16);
    if (!plain || base_.headers_only) return true;
    const Weight copy = Borrowed(*module.base_copy);
    std::vector<float> row(static_cast<size_t>(w.k)), other(row);
    for (int64_t n = 0; n < w.n; ++n) {
      DecodeRow(w.dtype, w.row(n), w.k, row.data());
      DecodeRow(copy.dtype, copy.row(n), copy.k, other.data());
      if (row == other) continue;
      Problem(module.target, fmt::format("was trained beside another weight: row {} of "
                                         "base_layer.weight is not the model's",
                                         n));
      return false;
    }
    return true;
  }

  void BindSaved(const LoraModule& module, const TensorPlace& place,
                 const std::vector<Weight>& parts) {
    const bool qk = place.role == Role::kQuery || place.role == Role::kKey;
    if (parts.size() != 1 || (qk && base_interleaved_ != adapter_interleaved_)) {
      unsupported_ = true;
      return Problem(module.target,
                     "is stored in another form in the model and cannot be replaced");
    }
    if (!HasShape(module, *module.saved, {parts[0].n, parts[0].k})) return;
    const Weight saved = Borrowed(*module.saved);
    if (IsFinite(module, saved)) Keep(module, parts[0], {.replacement = saved});
  }

  void BindEmbedding(const LoraModule& module) {
    const Weight& table = base_.weights.embedding;
    if (adapter_->embedding) return Problem(module.target, "is there twice");
    if (module.saved != nullptr) {
      if (!HasShape(module, *module.saved, {table.n, table.k})) return;
      const Weight saved = Borrowed(*module.saved);
      if (IsFinite(module, saved)) adapter_->embedding = LowRankChange{.replacement = saved};
      return;
    }
    if (module.magnitude != nullptr) {
      unsupported_ = true;
      return Problem(module.target, "DoRA of an embedding is not supported");
    }
    const bool by_token = file_.container == Container::kGguf;  // a row of A for each token
    const int64_t rank = module.b->shape[1];
    if (!module.embedding) {
      return Problem(module.target, "is an embedding, but adapted like a matrix");
    }
    if (!HasShape(
            module, *module.a,
            by_token ? std::vector<int64_t>{table.n, rank} : std::vector<int64_t>{rank, table.n}) ||
        !HasShape(module, *module.b, {table.k, rank})) {
      return;
    }
    if (!FitsCopy(module, table)) return;
    LowRankChange change{.rank = rank, .scale = static_cast<float>(module.scale)};
    change.a = Decoded(*module.a);
    if (!by_token) change.a = Transposed(change.a, rank, table.n);
    change.b = Decoded(*module.b);
    if (!AllFinite(module, {&change.a, &change.b})) return;
    adapter_->embedding = std::move(change);
  }

  void Keep(const LoraModule& module, const Weight& w, LowRankChange change) {
    if (!adapter_->products.emplace(w.data, std::move(change)).second) {
      Problem(module.target, "is there twice");
    }
  }

  // The tensor of a role, or the slice of the experts' stack that stands for it.
  std::optional<BaseMatrix> FindMatrix(const TensorPlace& place) const {
    if (place.role == Role::kHead) return Whole(base_.weights.head);
    const Container container = base_.checkpoint.container;
    const auto find = [&](Role role) {
      const std::string name = NameOf(base_.family, {role, place.layer, place.expert}, container);
      return name.empty() ? nullptr : base_.checkpoint.tensors.Find(name);
    };
    if (const TensorInfo* tensor = find(place.role)) return Rows(*tensor, 0, 1);
    static constexpr struct {
      Role one, stack;
      int64_t part, parts;
    } kStacks[] = {{Role::kExpertGate, Role::kExpertGateStack, 0, 1},
                   {Role::kExpertUp, Role::kExpertUpStack, 0, 1},
                   {Role::kExpertDown, Role::kExpertDownStack, 0, 1},
                   {Role::kExpertGate, Role::kExpertGateUpStack, 0, 2},
                   {Role::kExpertUp, Role::kExpertGateUpStack, 1, 2}};
    for (const auto& stack : kStacks) {
      if (stack.one != place.role) continue;
      const TensorInfo* tensor = find(stack.stack);
      if (tensor == nullptr || tensor->shape.size() != 3 || place.expert >= tensor->shape[0]) {
        continue;
      }
      return Rows(*tensor, place.expert * stack.parts + stack.part, tensor->shape[0] * stack.parts);
    }
    return std::nullopt;
  }

  static BaseMatrix Whole(const Weight& w) { return {w.data, w.n, w.k, w.row_bytes}; }

  // Slice `index` of `count` equal ones.
  static std::optional<BaseMatrix> Rows(const TensorInfo& tensor, int64_t index, int64_t count) {
    if (tensor.shape.size() < 2 || tensor.shape.back() < 1) return std::nullopt;
    const int64_t columns = tensor.shape.back();
    const std::optional<int64_t> row_bytes = StorageBytes(tensor.dtype, columns);
    if (!row_bytes || *row_bytes == 0) return std::nullopt;
    const int64_t rows = static_cast<int64_t>(tensor.bytes.size()) / *row_bytes / count;
    return BaseMatrix{tensor.bytes.data() + index * rows * *row_bytes, rows, columns, *row_bytes};
  }

  // The matrices of the network inside these bytes.
  std::vector<Weight> PartsOf(const TensorPlace& place, const BaseMatrix& matrix) const {
    std::vector<Weight> parts;
    if (place.role == Role::kHead) {
      if (IsPlain(base_.weights.head)) parts.push_back(base_.weights.head);
      return parts;
    }
    const uint8_t* end = matrix.data + matrix.rows * matrix.row_bytes;
    for (auto at = sites_.lower_bound(matrix.data); at != sites_.end() && at->first < end; ++at) {
      if (at->second.k == matrix.columns) parts.push_back(at->second);
    }
    return parts;
  }

  static Weight Borrowed(const TensorInfo& tensor) {
    return {.dtype = tensor.dtype,
            .n = tensor.shape[0],
            .k = tensor.shape[1],
            .data = tensor.bytes.data(),
            .row_bytes = static_cast<int64_t>(tensor.bytes.size()) / tensor.shape[0]};
  }

  bool HasShape(const LoraModule& module, const TensorInfo& tensor,
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

  bool AllFinite(const LoraModule& module, const std::vector<const std::vector<float>*>& lists) {
    for (const auto* values : lists) {
      if (std::all_of(values->begin(), values->end(), [](float v) { return std::isfinite(v); })) {
        continue;
      }
      Problem(module.target, "has an element that is not a finite number");
      return false;
    }
    return true;
  }

  void Problem(const std::string& target, const std::string& what) {
    problems_.push_back(fmt::format("'{}': {}", Printable(target), what));
  }

  const LoraFile& file_;
  const AdapterBase& base_;
  bool base_interleaved_ = false, adapter_interleaved_ = false, unsupported_ = false;
  Sites sites_;
  std::unique_ptr<Adapter> adapter_ = std::make_unique<Adapter>();
  std::vector<std::string> problems_;
};

}  // namespace

std::unique_ptr<Adapter> BindAdapter(const LoraFile& file, const std::string& name,
                                     const AdapterBase& base) {
  return AdapterBinder(file, base).Bind(name);
}

namespace {

bool IsFiniteAt(const Adapter& adapter, float weight) {
  const auto finite = [&](const LowRankChange& change) {
    return std::isfinite(change.scale * weight);
  };
  return (!adapter.embedding || finite(*adapter.embedding)) &&
         std::all_of(adapter.products.begin(), adapter.products.end(),
                     [&](const auto& entry) { return finite(entry.second); });
}

}  // namespace

std::vector<AdapterUse> ChooseAdapters(const std::vector<std::unique_ptr<Adapter>>& adapters,
                                       const std::vector<AdapterChoice>& choices) {
  std::vector<AdapterUse> uses;
  for (const AdapterChoice& choice : choices) {
    const auto found = std::find_if(adapters.begin(), adapters.end(),
                                    [&](const auto& a) { return a->name == choice.name; });
    if (found == adapters.end()) {
      std::vector<std::string> names;
      names.reserve(adapters.size());
      for (const auto& adapter : adapters) names.push_back(adapter->name);
      Fail(ErrorCode::kNotFound, "no adapter '{}' is loaded; loaded are: {}",
           Printable(choice.name),
           names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")));
    }
    const Adapter& adapter = **found;
    if (!std::isfinite(choice.weight) || !IsFiniteAt(adapter, choice.weight)) {
      Fail(ErrorCode::kInvalidArgument,
           "the weight {} of adapter '{}', or its product with the adapter's scale, is no finite "
           "number",
           choice.weight, Printable(choice.name));
    }
    if (!adapter.IsSum() && (choice.weight != 1 || choices.size() > 1)) {
      Fail(
          ErrorCode::kInvalidArgument,
          "adapter '{}' scales or replaces weights (DoRA, modules_to_save), so it can only be used "
          "alone and with weight 1",
          choice.name);
    }
    if (std::any_of(uses.begin(), uses.end(),
                    [&](const AdapterUse& use) { return use.adapter == &adapter; })) {
      Fail(ErrorCode::kInvalidArgument, "adapter '{}' is named twice", choice.name);
    }
    // -0 and 0 are one weight: lists that compare equal must give the same bits.
    uses.push_back({&adapter, choice.weight == 0 ? 0.0f : choice.weight});
  }
  return uses;
}

}  // namespace tael
