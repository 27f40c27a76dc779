// Matrices that the network multiplies are looked up inside a tensor's bytes, or among the rows of
// a packed matrix, so fused and stacked tensors need no rules of their own.
#include "model/adapter/sites.h"

#include <algorithm>
#include <functional>

#include "model/matrices.h"

namespace tael {
namespace {

// Whole rows one after the other, which B can be cut along: none stored by columns, none with other
// rows in between.
bool HasWholeRows(const Weight& w) {
  if (w.packed != nullptr) return w.row_step == 1;
  return w.data != nullptr && w.element_bytes == 0 && w.row_bytes == StorageBytes(w.dtype, w.k);
}

// Slice `index` of `count` equal ones of the tensor [..., K].
std::optional<Weight> Rows(const TensorInfo& tensor, int64_t index, int64_t count) {
  if (tensor.shape.size() < 2 || tensor.shape.back() < 1) return std::nullopt;
  const int64_t columns = tensor.shape.back();
  const std::optional<int64_t> row_bytes = StorageBytes(tensor.dtype, columns);
  if (!row_bytes || *row_bytes == 0) return std::nullopt;
  const int64_t rows = static_cast<int64_t>(tensor.bytes.size()) / *row_bytes / count;
  return Weight{.dtype = tensor.dtype,
                .n = rows,
                .k = columns,
                .data = tensor.bytes.data() + index * rows * *row_bytes,
                .row_bytes = *row_bytes};
}

}  // namespace

int64_t AdaptedMatrix::FirstRow(const Weight& part) const {
  if (all.packed != nullptr) return part.first_row - all.first_row;
  return (part.data - all.data) / all.row_bytes;
}

bool AdaptedMatrix::IsCovered() const {
  int64_t covered = 0;
  for (const Weight& part : parts) covered += part.n;
  return covered == all.n;
}

bool AdapterSites::InOrder::operator()(const MatrixKey& a, const MatrixKey& b) const {
  if (a.at != b.at) return std::less<>()(a.at, b.at);
  return a.first_row < b.first_row;
}

AdapterSites::AdapterSites(const DecoderWeights& weights, const Checkpoint& checkpoint,
                           const Family& family)
    : weights_(weights), checkpoint_(checkpoint), family_(family) {
  const OtherNames* other = family.other;
  if (other != nullptr && checkpoint.container != Container::kGguf &&
      checkpoint.tensors.Find(other->mark) != nullptr) {
    family_.names = other->names;
  }
  ForEachMatrix(weights, [&](const Weight& w, ProductArithmetic) {
    if (!w.empty() && HasWholeRows(w)) sites_.emplace(KeyOf(w), w);
  });
}

std::optional<AdaptedMatrix> AdapterSites::Find(const TensorPlace& place) const {
  if (place.role == Role::kHead) {
    AdaptedMatrix head{.all = weights_.head, .parts = {}};
    if (HasWholeRows(head.all)) head.parts.push_back(head.all);
    return head;
  }
  if (place.role == Role::kSharedRouter) {  // read into memory of its own
    const auto* moe =
        std::get_if<MoeFfnWeights>(&weights_.layers[static_cast<size_t>(place.layer)].ffn);
    if (moe == nullptr || moe->shared_gate.empty()) return std::nullopt;
    const Weight row = SharedGateRow(*moe);
    return AdaptedMatrix{.all = row, .parts = {row}};
  }
  std::optional<Weight> all = Whole(NameOf(place));
  if (!all) all = ExpertOf(place);
  if (!all) return std::nullopt;
  return AdaptedMatrix{.all = *all, .parts = Inside(*all)};
}

std::string AdapterSites::NameOf(const TensorPlace& place) const {
  std::string name = tael::NameOf(family_, place, checkpoint_.container);
  return checkpoint_.container == Container::kGguf ? name : WrappedName(checkpoint_.tensors, name);
}

// The packed matrix or the tensor of this name. The codes of a packed one may have the same name.
std::optional<Weight> AdapterSites::Whole(const std::string& name) const {
  if (name.empty()) return std::nullopt;
  for (const NamedPacked& packed : weights_.packed) {
    if (packed.name != name) continue;
    Weight all{.n = packed.matrix->n, .k = packed.matrix->k};
    all.packed = packed.matrix;
    return all;
  }
  const TensorInfo* tensor = checkpoint_.tensors.Find(name);
  return tensor == nullptr ? std::nullopt : Rows(*tensor, 0, 1);
}

// The slice of the experts' stack that stands for one expert.
std::optional<Weight> AdapterSites::ExpertOf(const TensorPlace& place) const {
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
    const std::string name = NameOf({stack.stack, place.layer, place.expert});
    const TensorInfo* tensor = name.empty() ? nullptr : checkpoint_.tensors.Find(name);
    if (tensor == nullptr || tensor->shape.size() != 3 || place.expert >= tensor->shape[0]) {
      continue;
    }
    return Rows(*tensor, place.expert * stack.parts + stack.part, tensor->shape[0] * stack.parts);
  }
  return std::nullopt;
}

std::vector<Weight> AdapterSites::Inside(const Weight& all) const {
  std::vector<Weight> parts;
  const MatrixKey begin = KeyOf(all);
  const MatrixKey end = all.packed != nullptr ? MatrixKey{begin.at, all.first_row + all.n}
                                              : MatrixKey{all.row(all.n), 0};
  const InOrder before;
  for (auto at = sites_.lower_bound(begin); at != sites_.end() && before(at->first, end); ++at) {
    if (at->second.k == all.k) parts.push_back(at->second);
  }
  return parts;
}

}  // namespace tael
