#include "engine/pooling.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace tael {

const char* PoolingName(PoolingKind kind) {
  switch (kind) {
    case PoolingKind::kLast:
      return "last";
    case PoolingKind::kMean:
      return "mean";
    case PoolingKind::kCls:
      return "cls";
    case PoolingKind::kNone:
      return "none";
  }
  return "none";
}

PoolingKind PoolingNamed(const std::string& name) {
  for (const auto kind :
       {PoolingKind::kLast, PoolingKind::kMean, PoolingKind::kCls, PoolingKind::kNone}) {
    if (name == PoolingName(kind)) return kind;
  }
  Fail(ErrorCode::kInvalidArgument, "pooling is '{}', needed last, mean, cls or none", name);
}

Pooler::Pooler(const Pooling& pooling, int hidden_size)
    : pooling_(pooling), state_(static_cast<size_t>(hidden_size)) {
  if (pooling.kind == PoolingKind::kMean) sums_.resize(state_.size());
}

bool Pooler::Needs(int position, int length) const {
  switch (pooling_.kind) {
    case PoolingKind::kLast:
      return position + 1 == length;
    case PoolingKind::kCls:
      return position == 0;
    case PoolingKind::kMean:
    case PoolingKind::kNone:
      return position < length;
  }
  return false;
}

void Pooler::Add(int position, std::span<const float> state) {
  TAEL_CHECK(state.size() == state_.size());
  for (const float x : state) {
    if (std::isfinite(x)) continue;
    Fail(ErrorCode::kCorrupt,
         "the model computed {} in the hidden state of token {}. Hint: `tael inspect --deep` looks "
         "for damaged weights",
         x, position);
  }
  if (pooling_.kind != PoolingKind::kMean) {
    std::copy(state.begin(), state.end(), state_.begin());
    count_ = 1;
    return;
  }
  if (position == 0) {
    std::fill(sums_.begin(), sums_.end(), 0.0);
    count_ = 0;
  }
  TAEL_CHECK(count_ == position);
  ++count_;
  for (size_t i = 0; i < sums_.size(); ++i) sums_[i] += static_cast<double>(state[i]);
}

std::span<const float> Pooler::Result() {
  TAEL_CHECK(count_ > 0);
  for (size_t i = 0; i < sums_.size(); ++i) {
    state_[i] = static_cast<float>(sums_[i] / static_cast<double>(count_));
  }
  if (pooling_.normalize) {
    double squares = 0;
    for (const float x : state_) squares += static_cast<double>(x) * static_cast<double>(x);
    const double length = std::sqrt(squares);
    if (length > 0) {
      for (float& x : state_) x = static_cast<float>(static_cast<double>(x) / length);
    }
  }
  return state_;
}

}  // namespace tael
