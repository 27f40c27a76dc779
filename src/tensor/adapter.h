// Adapters: low-rank changes of a model's matrices (LoRA, Hu et al. 2021, arXiv:2106.09685),
// applied beside the matrices and chosen per sequence.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "tensor/weight.h"

namespace tael {

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
};

// The changes of one adapter, bound to the matrices of one model. Immutable once made.
struct Adapter {
  std::string name, path;
  std::unordered_map<const uint8_t*, LowRankChange> products;  // by Weight::data
  std::optional<LowRankChange> embedding;                      // of the rows that tokens look up
  std::vector<std::shared_ptr<const void>> storage;            // files that replacements lie in

  // The change of this matrix, or nullptr; packed matrices, which have no bytes of their own, have
  // none.
  const LowRankChange* Find(const Weight& w) const {
    if (w.data == nullptr) return nullptr;
    const auto found = products.find(w.data);
    return found == products.end() ? nullptr : &found->second;
  }
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
