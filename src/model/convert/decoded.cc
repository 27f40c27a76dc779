#include "model/convert/decoded.h"

#include <iterator>
#include <set>
#include <utility>

#include "base/error.h"
#include "model/bind/packed.h"
#include "model/convert/wanted.h"
#include "model/places.h"

namespace tael {
namespace {

// The packed matrices by the names that their tensors begin with.
class Owners {
 public:
  explicit Owners(const std::vector<NamedPacked>& packed) {
    for (const NamedPacked& p : packed) {
      const std::string module = ModuleOf(p.name);
      by_module_[module] = &p;
      if (module == p.name) stacks_.push_back(&p);
    }
  }

  // The matrix that a tensor is a part of: its codes, or something beside them.
  const NamedPacked* Of(const std::string& name) const {
    if (name.ends_with(".bias") || name.ends_with("_bias")) return nullptr;
    // A stack has no ".weight" to its name; its other tensors continue the name itself.
    for (const NamedPacked* stack : stacks_) {
      if (name == stack->name || name.starts_with(stack->name + "_")) return stack;
    }
    const auto found = by_module_.find(name.substr(0, name.rfind('.')));
    return found == by_module_.end() ? nullptr : found->second;
  }

 private:
  std::map<std::string, const NamedPacked*> by_module_;
  std::vector<const NamedPacked*> stacks_;
};

bool IsMxfp4Stack(const Model& model, const NamedPacked& packed) {
  return model.checkpoint.tensors.Find(packed.name + std::string(kMxfp4Codes)) != nullptr;
}

}  // namespace

DecodedMatrix::DecodedMatrix(std::shared_ptr<const PackedMatrix> matrix,
                             const PackedDecoders& decoders)
    : matrix_(std::move(matrix)),
      decoders_(decoders),
      memory_(matrix_->n * matrix_->k * static_cast<int64_t>(sizeof(float))) {}

DecodedMatrix::Filled::Filled(DecodedMatrix* matrix) : matrix_(matrix) {
  if (matrix_ == nullptr) return;
  DecodePacked(*matrix_->matrix_, {0, matrix_->matrix_->n}, matrix_->decoders_,
               reinterpret_cast<float*>(matrix_->memory_.data()));
}

DecodedMatrix::Filled::~Filled() {
  if (matrix_ != nullptr) ReleaseWritable(matrix_->memory_.bytes());
}

DecodedTensors::DecodedTensors(const Model& model, const PackedDecoders& decoders) {
  std::set<const NamedPacked*> done;
  const Owners owners(model.weights.packed);
  for (const TensorInfo& tensor : model.checkpoint.tensors.all()) {
    const NamedPacked* owner = owners.Of(tensor.name);
    if (owner == nullptr || IsMxfp4Stack(model, *owner)) {
      tensors_.push_back(tensor);
      continue;
    }
    if (!done.insert(owner).second) continue;
    const PackedMatrix& matrix = *owner->matrix;
    const TensorInfo* codes = model.checkpoint.tensors.Find(owner->name);
    const bool stack = codes != nullptr && codes->shape.size() == 3;
    auto decoded = std::make_unique<DecodedMatrix>(owner->matrix, decoders);
    const std::span<const uint8_t> bytes = decoded->bytes();
    matrices_[bytes.data()] = std::move(decoded);
    tensors_.push_back({.name = owner->name,
                        .dtype = DType::kF32,
                        .shape = stack ? std::vector<int64_t>{codes->shape[0],
                                                              matrix.n / codes->shape[0], matrix.k}
                                       : std::vector<int64_t>{matrix.n, matrix.k},
                        .bytes = bytes,
                        .file = tensor.file});
  }
}

DecodedMatrix* DecodedTensors::Find(std::span<const uint8_t> bytes) const {
  auto behind = matrices_.upper_bound(bytes.data());
  if (behind == matrices_.begin()) return nullptr;
  DecodedMatrix* matrix = std::prev(behind)->second.get();
  const auto whole = matrix->bytes();
  return std::less<>()(bytes.data(), whole.data() + whole.size()) ? matrix : nullptr;
}

}  // namespace tael
