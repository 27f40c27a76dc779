#include "ops/causal_conv.h"

#include "ops/profile.h"

#include <algorithm>

namespace tael {
namespace {

// A run of channels of one sequence.
class Channels {
 public:
  Channels(const BatchSequence& sequence, const StatePlace& place, MatrixView<const float> x,
           int64_t taps, int64_t begin, int64_t end)
      : sequence_(sequence),
        place_(place),
        x_(x),
        kept_(taps - 1),
        begin_(begin),
        count_(end - begin),
        state_(place.At(sequence.state)) {
    if (sequence.begin > 0) return;
    for (int64_t j = 0; j < kept_; ++j) std::fill_n(state_ + j * x.cols + begin_, count_, 0.0f);
  }

  // Input of token `i` of the step; negative ones are in the state.
  const float* Input(int64_t i) const {
    return (i < 0 ? state_ + (kept_ + i) * x_.cols : x_.row(sequence_.first_row + i)) + begin_;
  }

  void Convolve(const float* weights, MatrixView<float> out, const KernelTable& kernels) const {
    for (int64_t t = 0; t < sequence_.count; ++t) {
      float* y = out.row(sequence_.first_row + t) + begin_;
      for (int64_t j = 0; j <= kept_; ++j) {
        const float* w = weights + j * x_.cols + begin_;
        const float* in = Input(t - kept_ + j);
        if (j == 0) {
          for (int64_t c = 0; c < count_; ++c) y[c] = w[c] * in[c];
        } else {
          for (int64_t c = 0; c < count_; ++c) y[c] += w[c] * in[c];
        }
      }
      kernels.silu(y, static_cast<size_t>(count_), y);
    }
  }

  // The last inputs of the step's first `tokens` tokens. With the sequence's own state as `to`:
  // after everything else; what is read stands behind what was written.
  void Keep(int64_t tokens, float* to) const {
    for (int64_t j = 0; j < kept_; ++j) {
      const float* in = Input(tokens - kept_ + j);
      std::copy(in, in + count_, to + j * x_.cols + begin_);
    }
  }
  void KeepAll() const {
    for (const StateSnapshot& kept : sequence_.snapshots) {
      Keep(kept.position - sequence_.begin, place_.At(kept.slot));
    }
    Keep(sequence_.count, state_);
  }

 private:
  const BatchSequence& sequence_;
  const StatePlace& place_;
  MatrixView<const float> x_;
  int64_t kept_, begin_, count_;
  float* state_;
};

}  // namespace

void CausalConvSilu(const Batch& batch, const std::vector<float>& weights,
                    MatrixView<const float> x, const StatePlace& place, MatrixView<float> out,
                    ComputeContext& ctx) {
  const OpScope scope(ctx.profile, OpKind::kAttention);
  const int64_t taps = static_cast<int64_t>(weights.size()) / x.cols;
  const int64_t grain = ctx.GrainFor(x.rows * (taps + 4), 16);
  ctx.pool.ParallelFor(x.cols, grain, [&](int64_t begin, int64_t end) {
    for (const BatchSequence& sequence : batch.sequences) {
      const Channels channels(sequence, place, x, taps, begin, end);
      channels.Convolve(weights.data(), out, ctx.kernels);
      channels.KeepAll();
    }
  });
}

}  // namespace tael
