#include "model/adapter/order.h"

#include "model/adapter/values.h"
#include "model/qk_order.h"

namespace tael {
namespace {

// Where element `i` of the base's order is in the adapter's, behind `first` elements that both hold
// alike: heads of `size` elements, grouped by key head on one side, by the place in the group on
// the other.
int64_t HeadElement(const GatedDeltaNetSpec& net, int64_t i, int64_t first, int64_t size,
                    bool base_tiled) {
  if (i < first) return i;
  const int64_t head = (i - first) / size, inside = (i - first) % size;
  const int64_t keys = net.num_key_heads, group = net.num_value_heads / keys;
  const int64_t other =
      base_tiled ? head % keys * group + head / keys : head % group * keys + head / group;
  return first + other * size + inside;
}

}  // namespace

bool AdapterOrder::HasQkRows(const TensorPlace& place) const {
  const bool qk = place.role == Role::kQuery || place.role == Role::kKey;
  return qk && base_.interleaved_qk != adapter_.interleaved_qk &&
         std::holds_alternative<GqaSpec>(spec_.layers[static_cast<size_t>(place.layer)].attention);
}

// The delta net whose value heads are ordered differently; nullptr for other places.
const GatedDeltaNetSpec* AdapterOrder::DeltaNetOf(const TensorPlace& place) const {
  if (base_.tiled_value_heads == adapter_.tiled_value_heads) return nullptr;
  switch (place.role) {
    case Role::kDeltaQkvz:
    case Role::kDeltaQkv:
    case Role::kDeltaZ:
    case Role::kDeltaBa:
    case Role::kDeltaB:
    case Role::kDeltaA:
    case Role::kDeltaOutput:
      return std::get_if<GatedDeltaNetSpec>(
          &spec_.layers[static_cast<size_t>(place.layer)].attention);
    default:
      return nullptr;
  }
}

std::vector<float> AdapterOrder::Rows(const TensorPlace& place, std::vector<float> values,
                                      int64_t width) const {
  if (HasQkRows(place)) {
    const int64_t head_dim =
        std::get<GqaSpec>(spec_.layers[static_cast<size_t>(place.layer)].attention).head_dim;
    return Reordered(values, width, [&](int64_t row) {
      return base_.interleaved_qk ? HalvesRowOf(row, head_dim) : InterleavedRowOf(row, head_dim);
    });
  }
  const GatedDeltaNetSpec* net = DeltaNetOf(place);
  if (net == nullptr || place.role == Role::kDeltaOutput) return values;
  const int64_t keys = int64_t{2} * net->num_key_heads * net->key_dim;
  const bool gates = place.role == Role::kDeltaB || place.role == Role::kDeltaA;
  return Reordered(values, width, [&](int64_t row) {
    return HeadElement(*net, row, place.role == Role::kDeltaQkv ? keys : 0,
                       gates ? 1 : net->value_dim, base_.tiled_value_heads);
  });
}

std::vector<float> AdapterOrder::Columns(const TensorPlace& place, std::vector<float> a,
                                         int64_t rank) const {
  const GatedDeltaNetSpec* net = DeltaNetOf(place);
  if (net == nullptr || place.role != Role::kDeltaOutput) return a;
  const int64_t columns = static_cast<int64_t>(a.size()) / rank;
  return Reordered(a, 1, [&](int64_t i) {
    return i / columns * columns +
           HeadElement(*net, i % columns, 0, net->value_dim, base_.tiled_value_heads);
  });
}

bool AdapterOrder::Differs(const TensorPlace& place) const {
  return HasQkRows(place) || DeltaNetOf(place) != nullptr;
}

// Matrices that hold several kinds of rows by key head are never tiled.
bool AdapterOrder::IsUnknown(const TensorPlace& place) const {
  return (place.role == Role::kDeltaQkvz || place.role == Role::kDeltaBa) &&
         DeltaNetOf(place) != nullptr;
}

}  // namespace tael
