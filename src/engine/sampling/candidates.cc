#include "engine/sampling/candidates.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/exact_math.h"

namespace tael {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Falling order of finite floats as rising order of integers; -0 and +0 are equal.
uint32_t FallingKey(float x) {
  const auto bits = std::bit_cast<uint32_t>(x + 0.0f);
  return (bits >> 31) != 0 ? bits : ~(bits | 0x80000000u);
}

}  // namespace

void FailNothingLeft(size_t vocab_size) {
  Fail(ErrorCode::kInvalidArgument,
       "no token can be picked: all {} are banned, at least 1 must be left. Hint: see logit_bias, "
       "banned_sequences, banned_strings and min_tokens",
       vocab_size);
}

void Candidates::Reserve(size_t count) {
  // Resizing touches the memory, which reserve() would not.
  list_.resize(count);
  spare_.resize(count);
  weights_.resize(count);
  list_.clear();
}

void Candidates::Assign(std::span<const float> logits) {
  list_.resize(logits.size());
  sorted_ = false;
  size_t count = 0;
  float highest = -kInfinity;
  for (size_t i = 0; i < logits.size(); ++i) {
    list_[count] = {static_cast<TokenId>(i), logits[i]};
    count += logits[i] != -kInfinity ? size_t{1} : size_t{0};
    highest = logits[i] > highest ? logits[i] : highest;
  }
  list_.resize(count);
  if (count == 0) FailNothingLeft(logits.size());
  if (highest == kInfinity) {
    std::erase_if(list_, [](const Candidate& c) { return c.logit != kInfinity; });
    for (Candidate& c : list_) c.logit = 0;
  }
}

float Candidates::highest() const {
  if (sorted_) return list_.front().logit;
  float highest = list_.front().logit;
  for (const Candidate& c : list_) highest = c.logit > highest ? c.logit : highest;
  return highest;
}

void Candidates::SortBestFirst() {
  constexpr size_t kFewEnoughToCompare = 1024;
  if (sorted_) return;
  if (list_.size() <= kFewEnoughToCompare) {
    std::sort(list_.begin(), list_.end(), Before);
  } else {
    RadixSort();
  }
  sorted_ = true;
}

// Three stable passes of 11 bits each, least significant first: candidates come by rising id, so
// equal logits stay in that order. A tenth of the time of a sort by comparison on 150,000.
void Candidates::RadixSort() {
  constexpr int kBits = 11, kPasses = 3;
  constexpr uint32_t kBuckets = 1u << kBits;
  std::array<std::array<uint32_t, kBuckets>, kPasses> offsets = {};
  for (const Candidate& c : list_) {
    const uint32_t key = FallingKey(c.logit);
    for (int pass = 0; pass < kPasses; ++pass) {
      ++offsets[static_cast<size_t>(pass)][(key >> (pass * kBits)) % kBuckets];
    }
  }
  spare_.resize(list_.size());
  for (int pass = 0; pass < kPasses; ++pass) {
    auto& offset = offsets[static_cast<size_t>(pass)];
    uint32_t begin = 0;
    for (uint32_t& entry : offset) begin += std::exchange(entry, begin);
    for (const Candidate& c : list_) {
      spare_[offset[(FallingKey(c.logit) >> (pass * kBits)) % kBuckets]++] = c;
    }
    list_.swap(spare_);
  }
}

void Candidates::KeepBest(size_t count) {
  if (count >= list_.size()) return;
  if (!sorted_ && count <= list_.size() / 64) {
    // A heap of the best ones: most candidates cost one comparison.
    std::partial_sort(list_.begin(), list_.begin() + static_cast<std::ptrdiff_t>(count),
                      list_.end(), Before);
    sorted_ = true;
  }
  SortBestFirst();
  list_.resize(count);
}

void Candidates::KeepRange(size_t begin, size_t end) {
  list_.resize(end);
  list_.erase(list_.begin(), list_.begin() + static_cast<std::ptrdiff_t>(begin));
}

void Candidates::KeepLogitsFrom(float low) {
  std::erase_if(list_, [low](const Candidate& c) { return c.logit < low; });
}

void Candidates::DropBefore(Candidate first) {
  std::erase_if(list_, [&](const Candidate& c) { return Before(c, first); });
}

void Candidates::Divide(float divisor) {
  const float top = highest();
  for (Candidate& c : list_) c.logit = (c.logit - top) / divisor;
  std::erase_if(list_, [](const Candidate& c) { return c.logit == -kInfinity; });
}

Candidates::Weights Candidates::ComputeWeights() {
  weights_.resize(list_.size());
  for (size_t i = 0; i < list_.size(); ++i) weights_[i] = list_[i].logit;
  kernels_->softmax_numerators(weights_.data(), weights_.size());
  double total = 0;
  for (const float w : weights_) total += static_cast<double>(w);
  return {weights_, total};
}

Candidates::Weights Candidates::SortHead(double share) {
  Weights all = ComputeWeights();
  if (sorted_) return all;
  // n candidates below (1 - share) * total / (2 n) have less than half of what share leaves over.
  const double least = (1 - share) * all.total / (2 * static_cast<double>(list_.size()));
  KeepLogitsFrom(static_cast<float>(static_cast<double>(highest()) + ExactLog(least)));
  SortBestFirst();
  return {ComputeWeights().weights, all.total};
}

double Candidates::Entropy(const Weights& weights) const {
  // -ln p = ln(total) - (logit - highest)
  const auto top = static_cast<double>(highest());
  double sum = 0;
  for (size_t i = 0; i < list_.size(); ++i) {
    sum += static_cast<double>(weights.weights[i]) * (top - static_cast<double>(list_[i].logit));
  }
  return ExactLog(weights.total) + sum / weights.total;
}

size_t Candidates::Draw(double uniform) {
  const auto [weights, total] = SortHead(uniform);
  const double point = uniform * total;
  double sum = 0;
  size_t last = 0;  // with a weight above 0: rounding must not choose an impossible token
  for (size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] == 0) break;
    sum += static_cast<double>(weights[i]);
    last = i;
    if (sum > point) break;
  }
  return last;
}

}  // namespace tael
