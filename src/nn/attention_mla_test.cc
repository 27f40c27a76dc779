// Latent attention against its plain form in double: keys and values of every head written out.
#include "nn/attention_mla.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <random>

namespace tael {
namespace {

constexpr int kHidden = 11, kLength = 70;

using Matrix = std::vector<std::vector<double>>;

class Layer {
 public:
  explicit Layer(int q_rank, RopePairing pairing) {
    spec.num_heads = 3;
    spec.q_rank = q_rank;
    spec.latent_dim = 19;
    spec.nope_dim = 5;
    spec.rope_dim = 6;
    spec.value_dim = 7;
    spec.rope = {.pairing = pairing, .rotary_dim = 6, .theta = 100.0};
    spec.scale = 0.4f;
    const int q = spec.num_heads * spec.query_dim();
    if (q_rank > 0) {
      weights.query_down = Random(q_rank, kHidden);
      weights.query_down_norm = RandomFloats(q_rank);
    }
    weights.query = Random(q, q_rank > 0 ? q_rank : kHidden);
    weights.latent = Random(spec.cached_dim(), kHidden);
    weights.latent_norm = RandomFloats(spec.latent_dim);
    up = Random(spec.num_heads * (spec.nope_dim + spec.value_dim), spec.latent_dim);
    const int64_t step = spec.nope_dim + spec.value_dim;
    weights.key = {up, 0, spec.nope_dim, step, true};
    weights.value = {up, spec.nope_dim, spec.value_dim, step, false};
    weights.output = Random(kHidden, spec.num_heads * spec.value_dim);
    weights.rope = ComputeRopeFrequencies(spec.rope);
    x = RandomFloats(kLength * kHidden);
  }

  std::vector<float> RandomFloats(int n) {
    std::vector<float> out(static_cast<size_t>(n));
    for (float& v : out) v = static_cast<float>(rng_()) * 0x1p-31f - 1.0f;
    return out;
  }
  Weight Random(int n, int k) {
    const std::vector<float>& values = memory_.emplace_back(RandomFloats(n * k));
    return {.dtype = DType::kF32,
            .n = n,
            .k = k,
            .data = reinterpret_cast<const uint8_t*>(values.data()),
            .row_bytes = int64_t{k} * 4};
  }

  // All tokens in pieces of `piece`.
  std::vector<float> Run(int piece, int threads, DType kv_dtype = DType::kF32) {
    WorkerPool pool(threads);
    Arena arena;
    ComputeContext ctx{pool, *SelectKernelTable(), arena, MatmulMode::kFloat, 0};
    KvLayout layout{.num_kv_heads = 1, .head_dim = spec.cached_dim()};
    layout.latent_dim = spec.latent_dim;
    if (spec.expanded) {
      layout = {.num_kv_heads = spec.num_heads, .head_dim = spec.query_dim()};
      layout.value_part = spec.value_dim;
    }
    KvCache cache({layout}, kv_dtype, 2);
    StateCache states({}, 1);  // there is no state
    std::vector<float> out(x.size());
    for (int begin = 0; begin < kLength; begin += piece) {
      const int count = std::min(piece, kLength - begin);
      Batch batch;
      batch.tokens.assign(static_cast<size_t>(count), 0);
      for (int i = 0; i < count; ++i) batch.positions.push_back(begin + i);
      batch.sequences.push_back({.first_row = 0, .count = count, .begin = begin, .blocks = {1, 0}});
      const AttentionStep step{batch, cache, states, 0, /*norm_eps=*/9.0f};
      MlaForward(spec, weights, step, {x.data() + begin * kHidden, count, kHidden, kHidden},
                 {out.data() + begin * kHidden, count, kHidden, kHidden}, ctx);
      arena.Reset();
    }
    return out;
  }

  MlaSpec spec;
  MlaWeights weights;
  Weight up;
  std::vector<float> x;

 private:
  std::mt19937 rng_{7};
  std::deque<std::vector<float>> memory_;
};

std::vector<double> Product(const Weight& w, const std::vector<double>& x, int64_t first,
                            int64_t count) {
  std::vector<double> y;
  for (int64_t r = first; r < first + count; ++r) {
    const auto* row = reinterpret_cast<const float*>(w.row(r));
    double sum = 0;
    for (int64_t i = 0; i < w.k; ++i) sum += double{row[i]} * x[static_cast<size_t>(i)];
    y.push_back(sum);
  }
  return y;
}

std::vector<double> Normed(std::vector<double> x, const std::vector<float>& gain) {
  double squares = 0;
  for (const double v : x) squares += v * v;
  const double scale = 1 / std::sqrt(squares / static_cast<double>(x.size()) + 1e-6);
  for (size_t i = 0; i < x.size(); ++i) x[i] *= scale * double{gain[i]};
  return x;
}

std::vector<double> Rotated(std::vector<double> x, int position, RopePairing pairing) {
  const size_t half = x.size() / 2;
  for (size_t i = 0; i < half; ++i) {
    const double power = 2.0 * static_cast<double>(i) / static_cast<double>(x.size());
    const double angle = position * std::pow(100.0, -power);
    const bool neighbours = pairing == RopePairing::kInterleaved;
    double& a = x[neighbours ? 2 * i : i];
    double& b = x[neighbours ? 2 * i + 1 : i + half];
    const double first = a * std::cos(angle) - b * std::sin(angle);
    b = b * std::cos(angle) + a * std::sin(angle);
    a = first;
  }
  return x;
}

std::vector<double> Part(const std::vector<double>& x, int first, int count) {
  return {x.begin() + first, x.begin() + first + count};
}

// Keys [nope | rope] and values of one head at all positions, written out.
struct Expanded {
  Matrix keys, values, queries;
};

Expanded Expand(const Layer& layer, int head) {
  const MlaSpec& s = layer.spec;
  Expanded out;
  for (int t = 0; t < kLength; ++t) {
    const std::vector<double> x(layer.x.begin() + t * kHidden, layer.x.begin() + (t + 1) * kHidden);
    const std::vector<double> row = Product(layer.weights.latent, x, 0, s.cached_dim());
    const auto latent = Normed(Part(row, 0, s.latent_dim), layer.weights.latent_norm);
    const int first = head * (s.nope_dim + s.value_dim);
    std::vector<double> key = Product(layer.up, latent, first, s.nope_dim);
    const auto turned = Rotated(Part(row, s.latent_dim, s.rope_dim), t, s.rope.pairing);
    key.insert(key.end(), turned.begin(), turned.end());
    out.keys.push_back(key);
    out.values.push_back(Product(layer.up, latent, first + s.nope_dim, s.value_dim));
    std::vector<double> source = x;
    if (s.q_rank > 0) {
      source =
          Normed(Product(layer.weights.query_down, x, 0, s.q_rank), layer.weights.query_down_norm);
    }
    const auto q =
        Product(layer.weights.query, source, int64_t{head} * s.query_dim(), s.query_dim());
    std::vector<double> query = Part(q, 0, s.nope_dim);
    const auto turned_query = Rotated(Part(q, s.nope_dim, s.rope_dim), t, s.rope.pairing);
    query.insert(query.end(), turned_query.begin(), turned_query.end());
    out.queries.push_back(query);
  }
  return out;
}

std::vector<double> Reference(const Layer& layer) {
  const MlaSpec& s = layer.spec;
  Matrix mixed(kLength);
  for (int head = 0; head < s.num_heads; ++head) {
    const Expanded e = Expand(layer, head);
    for (size_t t = 0; t < kLength; ++t) {
      std::vector<double> result(static_cast<size_t>(s.value_dim), 0.0);
      double total = 0;
      for (size_t u = 0; u <= t; ++u) {
        double score = 0;
        for (size_t d = 0; d < e.keys[u].size(); ++d) score += e.queries[t][d] * e.keys[u][d];
        const double weight = std::exp(score * double{s.scale});
        total += weight;
        for (size_t d = 0; d < result.size(); ++d) result[d] += weight * e.values[u][d];
      }
      for (double& v : result) v /= total;
      mixed[t].insert(mixed[t].end(), result.begin(), result.end());
    }
  }
  std::vector<double> out;
  for (const auto& row : mixed) {
    const std::vector<double> y = Product(layer.weights.output, row, 0, kHidden);
    out.insert(out.end(), y.begin(), y.end());
  }
  return out;
}

TEST(Mla, EqualsAttentionWithAllKeysAndValuesWrittenOut) {
  for (const int q_rank : {0, 13}) {
    for (const RopePairing pairing : {RopePairing::kInterleaved, RopePairing::kHalfSplit}) {
      Layer layer(q_rank, pairing);
      const std::vector<double> wanted = Reference(layer);
      for (const bool expanded : {false, true}) {
        layer.spec.expanded = expanded;
        const std::vector<float> found = layer.Run(kLength, 1);
        for (size_t i = 0; i < wanted.size(); ++i) ASSERT_NEAR(found[i], wanted[i], 3e-4) << i;
      }
    }
  }
}

TEST(Mla, DoesNotDependOnPiecesOrThreads) {
  Layer layer(13, RopePairing::kInterleaved);
  for (const bool expanded : {false, true}) {
    layer.spec.expanded = expanded;
    for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
      const std::vector<float> whole = layer.Run(kLength, 1, dtype);
      EXPECT_EQ(layer.Run(1, 2, dtype), whole) << Name(dtype) << " " << expanded;
      EXPECT_EQ(layer.Run(9, 5, dtype), whole) << Name(dtype) << " " << expanded;
    }
  }
}

}  // namespace
}  // namespace tael
