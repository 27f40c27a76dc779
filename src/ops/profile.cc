#include "ops/profile.h"

namespace tael {

const char* Name(OpKind kind) {
  switch (kind) {
    case OpKind::kEmbedding:
      return "embedding";
    case OpKind::kProjection:
      return "projection";
    case OpKind::kAttention:
      return "attention";
    case OpKind::kFfn:
      return "ffn";
    case OpKind::kExperts:
      return "experts";
    case OpKind::kRouter:
      return "router";
    case OpKind::kQuantize:
      return "quantize";
    case OpKind::kNorm:
      return "norm";
    case OpKind::kRope:
      return "rope";
    case OpKind::kElementwise:
      return "elementwise";
    case OpKind::kAdapters:
      return "adapters";
    case OpKind::kHead:
      return "head";
    case OpKind::kOther:
      return "other";
    case OpKind::kCount:
      break;
  }
  return "unknown";
}

void Profile::Reset() {
  for (auto& layer : sums_) layer = {};
  readings_ = 0;
}

void Profile::Start() {
  kind_ = OpKind::kOther;
  layer_ = kOutsideLayers;
  last_ = Clock::now();
  ++readings_;
}

void Profile::Stop() { Charge(); }

OpKind Profile::Enter(OpKind kind) {
  const OpKind before = kind_;
  Return(kind);
  ++Current().calls;
  return before;
}

void Profile::Return(OpKind kind) {
  Charge();
  kind_ = kind;
}

void Profile::SetLayer(int layer) {
  Charge();
  layer_ = layer;
}

void Profile::Charge() {
  const Clock::time_point now = Clock::now();
  Current().nanoseconds +=
      std::chrono::duration_cast<std::chrono::nanoseconds>(now - last_).count();
  last_ = now;
  ++readings_;
}

double Profile::ReadingNanoseconds() {
  constexpr int kReadings = 1000, kTries = 20;
  Profile profile(0);
  double least = 0;
  for (int t = 0; t < kTries; ++t) {
    const Clock::time_point start = Clock::now();
    for (int i = 0; i < kReadings; ++i) profile.Charge();
    const std::chrono::duration<double, std::nano> taken = Clock::now() - start;
    if (t == 0 || taken.count() < least) least = taken.count();
  }
  return least / kReadings;
}

}  // namespace tael
