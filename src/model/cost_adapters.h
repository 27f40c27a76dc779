// What the adapters of a step have to read and to multiply, beside the model's own matrices.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kv/batch.h"
#include "nn/ffn_dense.h"
#include "tensor/adapter.h"

namespace tael {

// Bytes and float32 multiply-adds.
struct AdapterCost {
  int64_t bytes = 0, macs = 0;
  AdapterCost& operator+=(const AdapterCost& other);
};

// Each adapter's numbers count once per step, however many lists name it; multiply-adds count for
// each row that has it.
class AdapterCosts {
 public:
  explicit AdapterCosts(const Batch& batch);

  // Of the products of one matrix with all rows of the step. `heads`: of one that every head
  // multiplies with its own part of B.
  AdapterCost OfMatrix(const MatrixKey& key, int64_t heads = 1) const;
  // With the rows that get logits only.
  AdapterCost OfHead(const Weight& head) const;
  AdapterCost OfEmbedding() const;
  // `active` experts that rows pass `uses` times in all, where no routing is known: the mean of all
  // experts.
  AdapterCost OfExperts(std::span<const DenseFfnWeights> experts, int64_t active,
                        int64_t per_token) const;

 private:
  struct Load {
    const Adapter* adapter = nullptr;
    int64_t rows = 0, logit_rows = 0;
  };
  std::vector<Load> loads_;
};

}  // namespace tael
