// Adapters: low-rank changes of a model's matrices (LoRA, Hu et al. 2021, arXiv:2106.09685),
// applied beside the matrices and chosen per sequence.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "tensor/weight.h"

namespace tael {

// Which matrix of a model it is: where its bytes begin, or which row of which packed matrix.
struct MatrixKey {
  const void* at = nullptr;
  int64_t first_row = 0;  // of a packed matrix; else 0
  bool operator==(const MatrixKey&) const = default;
};
struct MatrixKeyHash {
  size_t operator()(const MatrixKey& key) const {
    return std::hash<const void*>()(key.at) ^ std::hash<int64_t>()(key.first_row);
  }
};

inline MatrixKey KeyOf(const Weight& w) {
  if (w.packed != nullptr) return {w.packed.get(), w.first_row};
  return {w.data, 0};
}

// What an adapter does to one matrix W [N, K]: a low-rank sum, or another matrix in its place.
// The arithmetic is docs/numerics.md, adapters.
struct LowRankChange {
  int64_t rank = 0;           // R; 0: there is only `replacement`
  std::vector<float> a = {};  // [R, K]; of an embedding [V, R], a row per token
  std::vector<float> b = {};  // [N, R]
  float scale = 0;            // of B A
  // [N]: factors of the rows of W + scale * B A (DoRA, arXiv:2402.09353); empty for none.
  std::vector<float> gains = {};
  Weight replacement = {};  // [N, K] instead of W; borrowed from Adapter::storage
  // The product is with the columns of W, so that x passes B first: y += A^T (B^T x). Of the keys
  // of latent attention.
  bool by_columns = false;
};

// The changes of one adapter, bound to the matrices of one model. Immutable once made.
struct Adapter {
  std::string name, path;
  std::unordered_map<MatrixKey, LowRankChange, MatrixKeyHash> products;
  std::optional<LowRankChange> embedding;            // of the rows that tokens look up
  std::vector<std::shared_ptr<const void>> storage;  // files that replacements lie in

  // The change of this matrix, or nullptr.
  const LowRankChange* Find(const MatrixKey& key) const {
    const auto found = products.find(key);
    return found == products.end() || key.at == nullptr ? nullptr : &found->second;
  }
  const LowRankChange* Find(const Weight& w) const { return Find(KeyOf(w)); }
  // Whether it can be weighted and stand beside others: sums only, neither gains nor replacements.
  bool IsSum() const;
  // Memory of its numbers, mapped replacements included.
  int64_t bytes() const;
  // The largest rank.
  int64_t max_rank() const;
};

// One adapter of a sequence; several are added up in their order.
struct AdapterUse {
  const Adapter* adapter = nullptr;  // borrowed
  float weight = 1;                  // multiplies its scale
  bool operator==(const AdapterUse&) const = default;
};

}  // namespace tael
