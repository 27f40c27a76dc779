// Packed matrices as plain F32 tensors that take no memory until they are read.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/memory.h"
#include "checkpoint/tensor_index.h"
#include "model/model.h"
#include "quant/packed_matrix.h"

namespace tael {

// The values of one packed matrix, in address space of its own.
class DecodedMatrix {
 public:
  DecodedMatrix(std::shared_ptr<const PackedMatrix> matrix, const PackedDecoders& decoders);

  std::span<const uint8_t> bytes() const {
    return memory_.bytes().first(static_cast<size_t>(matrix_->n * matrix_->k) * sizeof(float));
  }

  // While one lives, bytes() holds the values; afterwards zeros, which take no memory. Not nested.
  class Filled {
   public:
    explicit Filled(DecodedMatrix* matrix);  // null: nothing happens
    ~Filled();
    Filled(const Filled&) = delete;
    Filled& operator=(const Filled&) = delete;

   private:
    DecodedMatrix* matrix_;
  };

 private:
  std::shared_ptr<const PackedMatrix> matrix_;
  const PackedDecoders& decoders_;
  SystemMemory memory_;
};

// A model's tensors with the packed matrices decoded. Stacks in MXFP4 stay as they are: GGUF has
// their blocks.
class DecodedTensors {
 public:
  // Both must outlive this.
  DecodedTensors(const Model& model, const PackedDecoders& decoders);

  // In the order of the files; tensors of a packed matrix are one.
  const std::vector<TensorInfo>& all() const { return tensors_; }
  // What `bytes` lie in; null: a tensor of the files.
  DecodedMatrix* Find(std::span<const uint8_t> bytes) const;

 private:
  std::vector<TensorInfo> tensors_;
  // By where they begin.
  std::map<const uint8_t*, std::unique_ptr<DecodedMatrix>, std::less<>> matrices_;
};

}  // namespace tael
