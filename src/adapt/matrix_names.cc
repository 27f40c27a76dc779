#include "adapt/matrix_names.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "model/matrices.h"
#include "model/places.h"

namespace tael {
namespace {

// A tensor of the checkpoint with the row of it that a weight begins at.
struct Spot {
  std::string name;
  std::vector<int64_t> shape;
  int64_t row = 0;
};

class Finder {
 public:
  explicit Finder(const Model& model) {
    for (const TensorInfo& tensor : model.checkpoint.tensors.all()) {
      if (!tensor.bytes.empty()) by_start_[tensor.bytes.data()] = &tensor;
    }
    for (const NamedPacked& packed : model.weights.packed) packed_[packed.matrix.get()] = &packed;
  }

  std::optional<Spot> Find(const Weight& w) const {
    if (w.packed != nullptr) {
      const auto found = packed_.find(w.packed.get());
      if (found == packed_.end() || w.row_step != 1) return std::nullopt;
      return Spot{found->second->name, {w.packed->n, w.packed->k}, w.first_row};
    }
    if (w.data == nullptr || w.element_bytes != 0 || w.row_bytes <= 0) return std::nullopt;
    auto behind = by_start_.upper_bound(w.data);
    if (behind == by_start_.begin()) return std::nullopt;
    const TensorInfo& tensor = *std::prev(behind)->second;
    const std::ptrdiff_t distance = w.data - tensor.bytes.data();
    const bool inside = distance < static_cast<std::ptrdiff_t>(tensor.bytes.size());
    if (!inside || tensor.shape.size() < 2 || tensor.shape.back() != w.k ||
        w.row_bytes != StorageBytes(w.dtype, w.k)) {
      return std::nullopt;
    }
    return Spot{tensor.name, tensor.shape, distance / w.row_bytes};
  }

 private:
  std::map<const uint8_t*, const TensorInfo*, std::less<>> by_start_;
  std::map<const PackedMatrix*, const NamedPacked*> packed_;
};

void CutStack(const std::vector<int64_t>& shape, NamedMatrix* out) {
  if (shape.size() != 3) return;
  out->matrices = shape[0];
  out->matrix = out->first_row / shape[1];
  out->first_row %= shape[1];
}

// GGUF's name for a Hugging Face tensor, with the place in a stack; false: it has none.
bool NameInGguf(const Family& family, const Spot& spot, NamedMatrix* out) {
  auto place = PlaceOf(UnwrappedName(spot.name), family, Container::kSafetensors);
  if (!place) return false;
  static constexpr std::pair<Role, Role> kStacks[] = {{Role::kExpertGate, Role::kExpertGateStack},
                                                      {Role::kExpertUp, Role::kExpertUpStack},
                                                      {Role::kExpertDown, Role::kExpertDownStack}};
  for (const auto& [one, stack] : kStacks) {
    if (place->role != one) continue;
    out->matrix = place->expert;
    place = {stack, place->layer, 0};
    break;
  }
  if (place->role == Role::kLatentUp || place->role == Role::kDeltaQkvz) return false;
  if (place->role == Role::kExpertGateUpStack) {
    if (spot.shape.size() != 3) return false;
    CutStack(spot.shape, out);
    const int64_t half = spot.shape[1] / 2;
    place->role = out->first_row < half ? Role::kExpertGateStack : Role::kExpertUpStack;
    out->first_row %= half;
  } else {
    CutStack(spot.shape, out);
  }
  out->tensor = NameOf(family, *place, Container::kGguf);
  return !out->tensor.empty();
}

}  // namespace

std::vector<NamedMatrix> NameMatrices(const Model& model, const Family& family) {
  const Finder finder(model);
  const bool gguf = model.checkpoint.container == Container::kGguf;
  std::vector<NamedMatrix> named;
  const auto add = [&](const Weight& w) {
    const auto spot = w.empty() ? std::nullopt : finder.Find(w);
    if (!spot) return;
    NamedMatrix matrix{.weight = w, .first_row = spot->row};
    if (gguf) {
      matrix.tensor = spot->name;
      CutStack(spot->shape, &matrix);
    } else if (!NameInGguf(family, *spot, &matrix)) {
      return;
    }
    named.push_back(std::move(matrix));
  };
  ForEachMatrix(model.weights, [&](const Weight& w, ProductArithmetic) { add(w); });
  add(model.weights.head);
  // Experts that Hugging Face stores one by one.
  std::map<std::string, int64_t> counts;
  for (const NamedMatrix& matrix : named) {
    int64_t& count = counts[matrix.tensor];
    count = std::max({count, matrix.matrices, matrix.matrix + 1});
  }
  for (NamedMatrix& matrix : named) matrix.matrices = counts[matrix.tensor];
  return named;
}

}  // namespace tael
