// Where the time of steps goes, by kind of operation and by layer: decision 0033.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tael {

enum class OpKind {
  kEmbedding,    // rows of the table that the tokens name
  kProjection,   // matrices around attention
  kAttention,    // cached keys and values, recurrent states, the choice of positions
  kFfn,          // feed-forward matrices, shared experts
  kExperts,      // routed experts
  kRouter,       // scores, choice and grouping of experts
  kQuantize,     // activations to 8 bits
  kNorm,         // norms, and what mixes several residual streams
  kRope,         // rotations and their tables
  kElementwise,  // activation functions, biases, sums with the residual
  kAdapters,     // low-rank changes of products
  kHead,         // the matrix that gives the logits
  kOther,        // everything between
  kCount,
};
const char* Name(OpKind kind);  // "embedding", "projection", ...

inline constexpr int kOpKinds = static_cast<int>(OpKind::kCount);
inline constexpr int kOutsideLayers = -1;

// A stopwatch that is always on exactly one kind of operation of one layer, so that all sums
// together are the time between Start() and Stop(). Belongs to the thread that calls operations:
// the time of a parallel loop is that until its last part is done.
class Profile {
 public:
  struct Sum {
    int64_t nanoseconds = 0, calls = 0;
    int64_t counted_bytes = 0;  // that only running tells: of routed experts
  };

  explicit Profile(int layers) : sums_(static_cast<size_t>(layers) + 1) {}

  void Reset();  // forgets all sums; not between Start() and Stop()
  void Start();  // of a step
  void Stop();

  // Time from now on counts for `kind`; returns the one it counted for.
  OpKind Enter(OpKind kind);
  void Return(OpKind kind);  // the same, without counting a call
  void SetLayer(int layer);  // 0 and up, or kOutsideLayers
  // Read by what runs now.
  void CountBytes(int64_t bytes) { Current().counted_bytes += bytes; }

  const Sum& Of(int layer, OpKind kind) const {
    return sums_[Row(layer)][static_cast<size_t>(kind)];
  }
  int layers() const { return static_cast<int>(sums_.size()) - 1; }
  int64_t readings() const { return readings_; }  // of the clock

  // What one reading of the clock takes here when nobody interrupts it, in nanoseconds.
  static double ReadingNanoseconds();

 private:
  using Clock = std::chrono::steady_clock;
  static size_t Row(int layer) {
    const int row = layer + 1;  // kOutsideLayers is the first one
    return static_cast<size_t>(row);
  }
  Sum& Current() { return sums_[Row(layer_)][static_cast<size_t>(kind_)]; }
  void Charge();  // the time since the last reading

  std::vector<std::array<Sum, kOpKinds>> sums_;  // [1 + layers], outside of them first
  Clock::time_point last_;
  OpKind kind_ = OpKind::kOther;
  int layer_ = kOutsideLayers;
  int64_t readings_ = 0;
};

// Time counts for `kind` while this exists, except where another one begins inside. `profile` may
// be null: then nothing happens.
class OpScope {
 public:
  OpScope(Profile* profile, OpKind kind) : profile_(profile) {
    if (profile_ != nullptr) before_ = profile_->Enter(kind);
  }
  ~OpScope() {
    if (profile_ != nullptr) profile_->Return(before_);
  }
  OpScope(const OpScope&) = delete;
  OpScope& operator=(const OpScope&) = delete;

 private:
  Profile* profile_;
  OpKind before_ = OpKind::kOther;
};

}  // namespace tael
