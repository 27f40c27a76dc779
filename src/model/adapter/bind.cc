// A module of an adapter names a tensor of the base model; the matrices of the network inside that
// tensor get their rows of B.
#include <fmt/format.h>

#include <optional>
#include <utility>

#include "base/error.h"
#include "checkpoint/gguf_keys.h"
#include "checkpoint/printable.h"
#include "model/adapter.h"
#include "model/adapter/order.h"
#include "model/adapter/report.h"
#include "model/adapter/sites.h"
#include "model/adapter/values.h"
#include "model/convert/metadata.h"
#include "model/places.h"
#include "model/qk_order.h"
#include "ops/adapt_heads.h"

namespace tael {
namespace {

StoredOrder OrderOf(const GgufArch* arch) {
  if (arch == nullptr) return {};
  return {.interleaved_qk = arch->permuted_qk, .tiled_value_heads = arch->tiled_value_heads};
}

StoredOrder OrderOf(const AdapterBase& base) {
  StoredOrder order{.interleaved_qk = HasInterleavedQk(base.checkpoint)};
  for (const LayerSpec& layer : base.spec.layers) {
    const auto* net = std::get_if<GatedDeltaNetSpec>(&layer.attention);
    if (net != nullptr) order.tiled_value_heads = net->tiled_value_heads;
  }
  return order;
}

// A GGUF file names its architecture in GGUF's words, a Hugging Face base in its own.
bool IsOfBase(const LoraFile& file, const GgufArch& arch, const AdapterBase& base) {
  if (base.checkpoint.gguf != nullptr) {
    return base.checkpoint.gguf->Text("general.architecture", "") == file.architecture;
  }
  try {
    return &GgufArchOf(base.family) == &arch;
  } catch (const Error&) {  // none can hold this family
    return false;
  }
}

// Of a GGUF adapter; nullptr for others.
const GgufArch* ArchitectureOf(const LoraFile& file, const AdapterBase& base) {
  if (file.container != Container::kGguf) return nullptr;
  const GgufArch* arch = FindGgufArch(file.architecture);
  if (arch == nullptr || !IsOfBase(file, *arch, base)) {
    Fail(ErrorCode::kCorrupt, "{}: is an adapter of the architecture '{}', but {} is '{}'",
         file.path, Printable(file.architecture), base.checkpoint.path, base.family.architecture);
  }
  return arch;
}

class AdapterBinder {
 public:
  AdapterBinder(const LoraFile& file, const AdapterBase& base)
      : file_(file),
        base_(base),
        sites_(base.weights, base.checkpoint, base.family),
        order_(base.spec, OrderOf(ArchitectureOf(file, base)), OrderOf(base)) {}

  std::unique_ptr<Adapter> Bind(const std::string& name) {
    adapter_->name = name;
    adapter_->path = file_.path;
    adapter_->storage.assign(file_.files.begin(), file_.files.end());
    for (const LoraModule& module : file_.modules) BindModule(module);
    if (adapter_->products.empty() && !adapter_->embedding && report_.empty()) {
      report_.Problem("", "there is nothing in it");
    }
    if (report_.empty()) return std::move(adapter_);
    report_.Throw(file_, fmt::format("{} ({})", base_.checkpoint.path, base_.family.architecture));
  }

 private:
  void BindModule(const LoraModule& module) {
    const bool gguf = file_.container == Container::kGguf;
    const auto place =
        PlaceOf(gguf ? module.target : UnwrappedName(module.target), base_.family, file_.container);
    if (!place || place->layer >= static_cast<int>(base_.spec.layers.size())) {
      return report_.Problem(module.target, "the model has no such weight");
    }
    if (place->role == Role::kEmbedding) return BindEmbedding(module);
    if (module.embedding) {
      return report_.Problem(module.target, "is no embedding, but adapted like one");
    }
    if (place->role == Role::kLatentUp) return BindLatentUp(module, *place);
    const std::optional<AdaptedMatrix> matrix = sites_.Find(*place);
    if (!matrix) return report_.Problem(module.target, "the model has no matrix of this kind");
    if (!matrix->IsCovered()) {
      return report_.Unsupported(module.target, "this part of the network cannot be adapted");
    }
    if (module.saved != nullptr) return BindSaved(module, *place, *matrix);
    if (!HasShapes(module, matrix->all.n, matrix->all.k)) return;
    if (order_.IsUnknown(*place)) {
      return report_.Unsupported(module.target, "is stored in another order in the model");
    }
    if (module.base_copy != nullptr && place->role != Role::kHead) {
      return report_.Unsupported(module.target,
                                 "has a base_layer.weight, and is no embedding and no head");
    }
    if (place->role == Role::kHead && !FitsCopy(module, matrix->all)) return;
    BindLowRank(module, *place, *matrix);
  }

  // A [R, columns] and B [rows, R].
  bool HasShapes(const LoraModule& module, int64_t rows, int64_t columns) {
    return report_.HasShape(module, *module.a, {module.a->shape[0], columns}) &&
           report_.HasShape(module, *module.b, {rows, module.a->shape[0]});
  }

  void BindLowRank(const LoraModule& module, const TensorPlace& place,
                   const AdaptedMatrix& matrix) {
    const int64_t rank = module.a->shape[0];
    const std::vector<float> a = order_.Columns(place, Decoded(*module.a), rank);
    const std::vector<float> b = order_.Rows(place, Decoded(*module.b), rank);
    std::vector<float> magnitude;
    if (module.magnitude != nullptr) {
      if (!report_.HasShape(module, *module.magnitude, {matrix.all.n})) return;
      magnitude = order_.Rows(place, Decoded(*module.magnitude), 1);
    }
    if (!report_.AllFinite(module, {&a, &b, &magnitude})) return;
    for (const Weight& part : matrix.parts) {
      const int64_t first = matrix.FirstRow(part);
      LowRankChange change{.rank = rank, .a = a, .scale = static_cast<float>(module.scale)};
      change.b.assign(b.begin() + first * rank, b.begin() + (first + part.n) * rank);
      if (!magnitude.empty()) {
        // Of headers alone, only as many: the norms need the weights.
        change.gains = base_.headers_only ? std::vector<float>(static_cast<size_t>(part.n), 1.0f)
                                          : Gains(part, change, magnitude.data() + first);
        if (!report_.AllFinite(module, {&change.gains})) return;
      }
      Keep(module, KeyOf(part), std::move(change));
    }
  }

  // The way from the latent row to keys and values: per head the rows of its keys, then those of
  // its values. However the base stores them, queries pass the former by columns.
  void BindLatentUp(const LoraModule& module, const TensorPlace& place) {
    const auto layer = static_cast<size_t>(place.layer);
    const auto* spec = std::get_if<MlaSpec>(&base_.spec.layers[layer].attention);
    if (spec == nullptr) {
      return report_.Problem(module.target, "the model has no matrix of this kind");
    }
    if (module.saved != nullptr || module.magnitude != nullptr || module.base_copy != nullptr) {
      return report_.Unsupported(module.target,
                                 "is never a matrix of its own in the model, so it can be changed "
                                 "by a sum only, neither replaced nor scaled (DoRA)");
    }
    const int64_t rows = int64_t{spec->nope_dim} + spec->value_dim;
    if (!HasShapes(module, spec->num_heads * rows, spec->latent_dim)) return;
    const int64_t rank = module.a->shape[0];
    LowRankChange key{.rank = rank,
                      .a = Decoded(*module.a),
                      .scale = static_cast<float>(module.scale),
                      .by_columns = true};
    LowRankChange value{.rank = rank, .a = key.a, .scale = key.scale};
    const std::vector<float> b = Decoded(*module.b);
    if (!report_.AllFinite(module, {&key.a, &b})) return;
    for (auto head = b.begin(); head != b.end(); head += rows * rank) {
      key.b.insert(key.b.end(), head, head + spec->nope_dim * rank);
      value.b.insert(value.b.end(), head + spec->nope_dim * rank, head + rows * rank);
    }
    const auto& weights = std::get<MlaWeights>(base_.weights.layers[layer].attention);
    Keep(module, KeyOf(weights.key), std::move(key));
    Keep(module, KeyOf(weights.value), std::move(value));
  }

  void BindSaved(const LoraModule& module, const TensorPlace& place, const AdaptedMatrix& matrix) {
    if (matrix.parts.size() != 1 || order_.Differs(place)) {
      return report_.Unsupported(module.target,
                                 "is stored in another form in the model and cannot be replaced");
    }
    const Weight& w = matrix.parts[0];
    if (!report_.HasShape(module, *module.saved, {w.n, w.k})) return;
    const Weight saved = Borrowed(*module.saved);
    if (IsFinite(module, saved)) Keep(module, KeyOf(w), {.replacement = saved});
  }

  void BindEmbedding(const LoraModule& module) {
    const Weight& table = base_.weights.embedding;
    if (adapter_->embedding) return report_.Problem(module.target, "is there twice");
    if (module.saved != nullptr) {
      if (!report_.HasShape(module, *module.saved, {table.n, table.k})) return;
      const Weight saved = Borrowed(*module.saved);
      if (IsFinite(module, saved)) adapter_->embedding = LowRankChange{.replacement = saved};
      return;
    }
    if (module.magnitude != nullptr) {
      return report_.Unsupported(module.target, "DoRA of an embedding is not supported");
    }
    if (!module.embedding) {
      return report_.Problem(module.target, "is an embedding, but adapted like a matrix");
    }
    const bool by_token = file_.container == Container::kGguf;  // a row of A for each token
    const int64_t rank = module.b->shape[1];
    using Shape = std::vector<int64_t>;
    if (!report_.HasShape(module, *module.a,
                          by_token ? Shape{table.n, rank} : Shape{rank, table.n}) ||
        !report_.HasShape(module, *module.b, {table.k, rank}) || !FitsCopy(module, table)) {
      return;
    }
    LowRankChange change{.rank = rank, .scale = static_cast<float>(module.scale)};
    change.a = Decoded(*module.a);
    if (!by_token) change.a = Transposed(change.a, rank, table.n);
    change.b = Decoded(*module.b);
    if (!report_.AllFinite(module, {&change.a, &change.b})) return;
    adapter_->embedding = std::move(change);
  }

  // Row by row: a saved embedding may be as large as all the rest.
  bool IsFinite(const LoraModule& module, const Weight& w) {
    std::vector<float> row;
    for (int64_t n = 0; n < w.n && !base_.headers_only; ++n) {
      ReadRow(w, n, &row);
      if (!report_.AllFinite(module, {&row})) return false;
    }
    return true;
  }

  // An embedding or a head may bring a copy of the base's weight. Another weight than the base's
  // would have been trained beside; a quantised base cannot tell.
  bool FitsCopy(const LoraModule& module, const Weight& w) {
    if (module.base_copy == nullptr) return true;
    if (!report_.HasShape(module, *module.base_copy, {w.n, w.k})) return false;
    const bool plain =
        w.packed == nullptr && w.element_bytes == 0 &&
        (w.dtype == DType::kF32 || w.dtype == DType::kF16 || w.dtype == DType::kBF16);
    if (!plain || base_.headers_only) return true;
    const int64_t row = FirstDifference(w, Borrowed(*module.base_copy));
    if (row < 0) return true;
    report_.Problem(module.target, fmt::format("was trained beside another weight: row {} of "
                                               "base_layer.weight is not the model's",
                                               row));
    return false;
  }

  void Keep(const LoraModule& module, const MatrixKey& key, LowRankChange change) {
    if (!adapter_->products.emplace(key, std::move(change)).second) {
      report_.Problem(module.target, "is there twice");
    }
  }

  const LoraFile& file_;
  const AdapterBase& base_;
  const AdapterSites sites_;
  const AdapterOrder order_;
  std::unique_ptr<Adapter> adapter_ = std::make_unique<Adapter>();
  AdapterReport report_;
};

}  // namespace

std::unique_ptr<Adapter> BindAdapter(const LoraFile& file, const std::string& name,
                                     const AdapterBase& base) {
  return AdapterBinder(file, base).Bind(name);
}

}  // namespace tael
