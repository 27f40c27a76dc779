// Gated delta nets: against the recurrence written out in double, for any cut of the tokens into
// steps, and with the states that steps leave behind.
#include "nn/gated_delta_net.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <random>

#include "ops/rms_norm.h"

namespace tael {
namespace {

constexpr int kWidth = 40, kTokens = 23;
constexpr GatedDeltaNetSpec kSpec{
    .num_key_heads = 3, .num_value_heads = 6, .key_dim = 18, .value_dim = 7, .conv_taps = 4};
constexpr float kEps = 1e-6f;
constexpr int64_t kKeys = 3 * 18, kValues = 6 * 7, kMixed = 2 * kKeys + kValues;

class Net {
 public:
  explicit Net(const GatedDeltaNetSpec& spec) : spec_(spec) {
    w_.qkv = Matrix(kMixed, kWidth, 0.4f);
    w_.z = Matrix(kValues, kWidth, 0.4f);
    w_.b = Matrix(6, kWidth, 0.4f);
    w_.a = Matrix(6, kWidth, 0.4f);
    w_.out = Matrix(kWidth, kValues, 0.4f);
    w_.conv = Floats(4 * kMixed, 0.7f);
    w_.rate = Floats(6, 1);
    for (float& rate : w_.rate) rate = -std::fabs(rate) - 0.05f;
    w_.time_bias = Floats(6, 1);
    w_.norm = Floats(7, 1);
    SetGains(spec_, &w_);
    x_ = Floats(int64_t{kTokens} * kWidth, 1);
  }

  // Tokens [begin, begin + count) as a step of a sequence whose state is in slot 0.
  std::vector<float> Step(int begin, int count, StateCache& states, int threads = 2,
                          std::vector<StateSnapshot> snapshots = {}) const {
    Batch batch;
    batch.tokens.resize(static_cast<size_t>(count));
    batch.sequences = {{.first_row = 0,
                        .count = count,
                        .begin = begin,
                        .blocks = {},
                        .state = 0,
                        .snapshots = std::move(snapshots)}};
    return Run(batch, x_.data() + int64_t{begin} * kWidth, states, threads);
  }

  std::vector<float> Run(const Batch& batch, const float* x, StateCache& states,
                         int threads) const {
    WorkerPool pool(threads);
    Arena arena;
    ComputeContext ctx{pool, *SelectKernelTable(), arena, MatmulMode::kInteger, 0};
    KvCache cache({{0, 0}, {0, 0}}, DType::kF32, 1);
    const auto rows = static_cast<int64_t>(batch.tokens.size());
    std::vector<float> out(static_cast<size_t>(rows * kWidth));
    const AttentionStep step{batch, cache, states, 1, kEps};
    GatedDeltaNetForward(spec_, w_, step, {x, rows, kWidth, kWidth},
                         {out.data(), rows, kWidth, kWidth}, ctx);
    return out;
  }

  StateCache States(int slots = 1) const { return StateCache({3, StateSize(spec_)}, slots); }

  // The first projections fused by key head.
  Net Fused() const {
    Net net = *this;
    const int64_t dk = 18, group = 2 * 7;
    std::vector<float> qkvz, ba;
    const auto append = [](std::vector<float>& to, const Weight& from, int64_t row, int64_t count) {
      const auto* data = reinterpret_cast<const float*>(from.row(row));
      to.insert(to.end(), data, data + count * kWidth);
    };
    for (int64_t h = 0; h < 3; ++h) {
      append(qkvz, w_.qkv, h * dk, dk);
      append(qkvz, w_.qkv, kKeys + h * dk, dk);
      append(qkvz, w_.qkv, 2 * kKeys + h * group, group);
      append(qkvz, w_.z, h * group, group);
      append(ba, w_.b, h * 2, 2);
      append(ba, w_.a, h * 2, 2);
    }
    net.w_.qkvz = net.Keep(std::move(qkvz), kMixed + kValues, kWidth);
    net.w_.ba = net.Keep(std::move(ba), 12, kWidth);
    net.w_.qkv = net.w_.z = net.w_.b = net.w_.a = {};
    return net;
  }

  const float* Input(int token) const { return x_.data() + int64_t{token} * kWidth; }

  // All tokens by the formulas, in double.
  std::vector<double> Reference() const;

 private:
  std::vector<float> Floats(int64_t n, float spread) {
    std::vector<float> out(static_cast<size_t>(n));
    for (float& v : out) v = spread * (static_cast<float>(random_()) * 0x1p-31f - 1.0f);
    return out;
  }
  Weight Keep(std::vector<float> data, int64_t n, int64_t k) {
    owned_.push_back(std::make_shared<const std::vector<float>>(std::move(data)));
    return {.dtype = DType::kF32,
            .n = n,
            .k = k,
            .data = reinterpret_cast<const uint8_t*>(owned_.back()->data()),
            .row_bytes = k * 4};
  }
  Weight Matrix(int64_t n, int64_t k, float spread) { return Keep(Floats(n * k, spread), n, k); }

  GatedDeltaNetSpec spec_;
  GatedDeltaNetWeights w_;
  std::vector<float> x_;
  std::vector<std::shared_ptr<const std::vector<float>>> owned_;
  std::mt19937 random_{11};
};

using Row = std::vector<double>;

Row Product(const Weight& w, const float* x) {
  Row y(static_cast<size_t>(w.n));
  for (int64_t i = 0; i < w.n; ++i) {
    const auto* row = reinterpret_cast<const float*>(w.row(i));
    for (int64_t j = 0; j < w.k; ++j) {
      y[static_cast<size_t>(i)] += static_cast<double>(row[j]) * static_cast<double>(x[j]);
    }
  }
  return y;
}

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

Row Normalised(const Row& from, size_t at, size_t n) {
  Row out(from.begin() + static_cast<std::ptrdiff_t>(at),
          from.begin() + static_cast<std::ptrdiff_t>(at + n));
  double squares = 1e-6;
  for (const double v : out) squares += v * v;
  for (double& v : out) v /= std::sqrt(squares);
  return out;
}

std::vector<double> Net::Reference() const {
  const size_t dk = 18, dv = 7, keys = kKeys, mixed = kMixed;
  std::vector<Row> raw, state(6, Row(dk * dv));
  std::vector<double> result;
  for (int t = 0; t < kTokens; ++t) {
    const float* x = x_.data() + int64_t{t} * kWidth;
    raw.push_back(Product(w_.qkv, x));
    const Row z = Product(w_.z, x), b = Product(w_.b, x), a = Product(w_.a, x);
    Row conv(mixed);
    for (size_t c = 0; c < mixed; ++c) {
      for (int j = 0; j < 4; ++j) {
        if (t - 3 + j < 0) continue;
        conv[c] += static_cast<double>(w_.conv[static_cast<size_t>(j) * mixed + c]) *
                   raw[static_cast<size_t>(t - 3 + j)][c];
      }
      conv[c] *= Sigmoid(conv[c]);
    }
    std::vector<float> gated;
    for (size_t h = 0; h < 6; ++h) {
      const size_t key_head = spec_.tiled_value_heads ? h % 3 : h / 2;
      const Row q = Normalised(conv, key_head * dk, dk);
      const Row k = Normalised(conv, keys + key_head * dk, dk);
      const double time = std::log1p(std::exp(a[h] + static_cast<double>(w_.time_bias[h])));
      const double decay = std::exp(static_cast<double>(w_.rate[h]) * time);
      Row out(dv);
      double squares = 0;
      for (size_t i = 0; i < dv; ++i) {
        double* s = state[h].data() + i * dk;
        double recalled = 0;
        for (size_t j = 0; j < dk; ++j) recalled += (s[j] *= decay) * k[j];
        const double learned = Sigmoid(b[h]) * (conv[2 * keys + h * dv + i] - recalled);
        for (size_t j = 0; j < dk; ++j) out[i] += (s[j] += learned * k[j]) * q[j];
        out[i] /= std::sqrt(static_cast<double>(dk));
        squares += out[i] * out[i];
      }
      for (size_t i = 0; i < dv; ++i) {
        const double gate = z[h * dv + i];
        gated.push_back(static_cast<float>(
            out[i] / std::sqrt(squares / static_cast<double>(dv) + static_cast<double>(kEps)) *
            static_cast<double>(w_.norm[i]) * gate * Sigmoid(gate)));
      }
    }
    const Row y = Product(w_.out, gated.data());
    result.insert(result.end(), y.begin(), y.end());
  }
  return result;
}

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

GatedDeltaNetSpec Tiled() {
  GatedDeltaNetSpec spec = kSpec;
  spec.tiled_value_heads = true;
  return spec;
}

TEST(GatedDeltaNet, FollowsTheFormulasInBothOrdersOfHeads) {
  for (const GatedDeltaNetSpec& spec : {kSpec, Tiled()}) {
    const Net net(spec);
    StateCache states = net.States();
    const std::vector<float> got = net.Step(0, kTokens, states);
    const std::vector<double> want = net.Reference();
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < got.size(); ++i) {
      ASSERT_NEAR(static_cast<double>(got[i]), want[i], 2e-5) << i;
    }
  }
}

TEST(GatedDeltaNet, FusedProjectionsGiveTheSameBits) {
  const Net net(kSpec);
  StateCache a = net.States(), b = net.States();
  EXPECT_TRUE(SameBits(net.Step(0, kTokens, a), net.Fused().Step(0, kTokens, b)));
}

TEST(GatedDeltaNet, AnyCutIntoStepsAndAnyThreadsGiveTheSameBits) {
  const Net net(kSpec);
  StateCache whole = net.States();
  const std::vector<float> want = net.Step(0, kTokens, whole, 1);
  for (const int chunk : {1, 2, 3, 5, 22}) {
    StateCache states = net.States();
    std::vector<float> got;
    for (int begin = 0; begin < kTokens; begin += chunk) {
      const auto part = net.Step(begin, std::min(chunk, kTokens - begin), states, 3);
      got.insert(got.end(), part.begin(), part.end());
    }
    EXPECT_TRUE(SameBits(got, want)) << chunk;
  }
}

TEST(GatedDeltaNet, ASequenceThatBeginsForgetsWhatTheSlotHeld) {
  const Net net(kSpec);
  StateCache states = net.States();
  const std::vector<float> first = net.Step(0, kTokens, states);
  EXPECT_TRUE(SameBits(net.Step(0, kTokens, states), first));
}

TEST(GatedDeltaNet, AStepLeavesTheStatesItWasAskedFor) {
  const Net net(kSpec);
  StateCache states = net.States(4);
  const std::vector<float> want = net.Step(0, kTokens, states);
  // In passing, with little and with much before the place, and at the end of a step.
  net.Step(0, 2, states, 2, {{1, 1}, {2, 2}});
  net.Step(2, 15, states, 3, {{11, 3}});
  for (const auto& [position, slot] : {std::pair(1, 1), std::pair(2, 2), std::pair(11, 3)}) {
    states.Copy(slot, 0);
    const std::vector<float> rest = net.Step(position, kTokens - position, states);
    const std::vector<float> expected(want.begin() + int64_t{position} * kWidth, want.end());
    EXPECT_TRUE(SameBits(rest, expected)) << position;
  }
}

TEST(GatedDeltaNet, SequencesOfABatchDoNotSeeEachOther) {
  const Net net(kSpec);
  StateCache alone = net.States();
  net.Step(0, 9, alone);
  StateCache states = net.States(3);
  std::memcpy(states.Of(1, 2), alone.Of(1, 0), static_cast<size_t>(StateSize(kSpec)) * 4);
  const std::vector<float> want = net.Step(9, 5, alone);
  // The same five tokens in the middle of two others, which start from nothing.
  Batch batch;
  batch.tokens.resize(15);
  for (int s = 0; s < 3; ++s) {
    batch.sequences.push_back({.first_row = 5 * s,
                               .count = 5,
                               .begin = s == 1 ? 9 : 0,
                               .blocks = {},
                               .state = s == 1 ? 2 : s / 2});
  }
  std::vector<float> x(15 * kWidth);
  for (int s = 0; s < 3; ++s) {
    std::copy_n(net.Input(s == 1 ? 9 : s), 5 * kWidth, x.begin() + int64_t{5} * s * kWidth);
  }
  const std::vector<float> all = net.Run(batch, x.data(), states, 2);
  EXPECT_TRUE(SameBits({all.begin() + 5 * kWidth, all.begin() + 10 * kWidth}, want));
}

}  // namespace
}  // namespace tael
