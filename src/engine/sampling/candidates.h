// The tokens that are still in play while stages narrow the choice down.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "kernels/kernel_table.h"
#include "text/tokenizer.h"

namespace tael {

// Throws kInvalidArgument: all tokens are banned.
[[noreturn]] void FailNothingLeft(size_t vocab_size);

struct Candidate {
  TokenId id;
  float logit;
};

// Higher logit first; the lower id on ties, so that the order is total.
inline bool Before(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

// After Assign() never empty, and every logit is finite. By rising id until it is sorted, then best
// first; sums over candidates are in double and run in that order. Not thread-safe; buffers stay
// for the next Assign().
class Candidates {
 public:
  // `kernels` must outlive it.
  explicit Candidates(const KernelTable& kernels) : kernels_(&kernels) {}

  // Takes the memory that Assign() of `count` logits and every stage after it may need.
  void Reserve(size_t count);

  // Every token whose logit is not -infinity. If any logit is +infinity, those tokens alone, all
  // equal: the limit of the softmax. Throws kInvalidArgument when nothing is left. REQUIRES: no
  // NaN.
  void Assign(std::span<const float> logits);

  size_t size() const { return list_.size(); }
  const Candidate& operator[](size_t i) const { return list_[i]; }
  float highest() const;  // logit

  void SortBestFirst();
  // Sorts and keeps the first `count`; nothing happens when there are no more. REQUIRES: count > 0.
  void KeepBest(size_t count);
  // Keeps [begin, end) of the present order. REQUIRES: begin < end <= size().
  void KeepRange(size_t begin, size_t end);
  // Keeps the candidates with logit >= `low`. REQUIRES: low <= highest().
  void KeepLogitsFrom(float low);
  // Drops the candidates that come before `first`, which is one of them.
  void DropBefore(Candidate first);
  // logit = (logit - highest()) / divisor; a candidate whose logit leaves the range of float32 is
  // dropped. REQUIRES: divisor > 0.
  void Divide(float divisor);

  // weights[i] = exp(logit - highest()) of candidate i: the probability times `total`. Valid until
  // the next call of a member that is not const.
  struct Weights {
    std::span<const float> weights;
    double total = 0;
  };
  Weights ComputeWeights();
  // Sorts, and drops candidates without which the best ones still have more than `share` of the
  // total: most of a large vocabulary, which saves the time of sorting them. `total` is that of all
  // candidates before. REQUIRES: 0 <= share < 1.
  Weights SortHead(double share);
  // -sum p ln p, in nats; `weights` are those of the present candidates.
  double Entropy(const Weights& weights) const;

  // Index of the candidate at `uniform` in [0, 1) of the cumulative distribution, best first: the
  // first i with sum over j <= i of weights[j] > uniform * total. Ends the narrowing: see
  // SortHead().
  size_t Draw(double uniform);

 private:
  void RadixSort();

  const KernelTable* kernels_;
  std::vector<Candidate> list_, spare_;
  std::vector<float> weights_;
  bool sorted_ = false;
};

}  // namespace tael
