// The indexer's choice and its norm, against plain computations.
#include "ops/select_positions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "ops/layer_norm.h"
#include "ops/rms_norm.h"

namespace tael {
namespace {

std::vector<int> Chosen(const std::vector<float>& scores, int64_t top_k) {
  const auto n = static_cast<int64_t>(scores.size());
  std::vector<float> scratch(scores.size());
  std::vector<uint64_t> bits(static_cast<size_t>((n + 63) / 64), ~uint64_t{0});
  SelectLargest(scores.data(), n, top_k, scratch.data(), bits.data());
  std::vector<int> chosen;
  for (size_t i = 0; i < bits.size() * 64; ++i) {
    if ((bits[i / 64] >> i % 64 & 1) != 0) chosen.push_back(static_cast<int>(i));
  }
  return chosen;
}

TEST(SelectLargest, IsTheStartOfAStableSortByFallingScore) {
  std::mt19937 rng(3);
  for (int round = 0; round < 200; ++round) {
    std::vector<float> scores(1 + rng() % 200);
    for (float& s : scores) s = static_cast<float>(rng() % 7) - 3.0f;  // many are equal
    std::vector<int> order(scores.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
      return scores[static_cast<size_t>(a)] > scores[static_cast<size_t>(b)];
    });
    order.resize(1 + rng() % order.size());
    std::sort(order.begin(), order.end());
    EXPECT_EQ(Chosen(scores, static_cast<int64_t>(order.size())), order);
  }
}

TEST(SelectLargest, NanAndInfinityComeFirstZerosOfBothSignsAreEqual) {
  EXPECT_EQ(Chosen({1, NAN, INFINITY, 2, -INFINITY}, 2), (std::vector<int>{1, 2}));
  EXPECT_EQ(Chosen({-0.0f, 0.0f, -1.0f}, 1), (std::vector<int>{0}));
  EXPECT_EQ(Chosen(std::vector<float>(70, -INFINITY), 70).size(), 70u);
}

TEST(LayerNorm, MatchesDouble) {
  std::mt19937 rng(1);
  for (const int64_t n : {1, 7, 16, 33, 128}) {
    std::vector<float> x(static_cast<size_t>(2 * n)), gain(static_cast<size_t>(n));
    std::vector<float> bias(static_cast<size_t>(n));
    for (auto* values : {&x, &gain, &bias}) {
      for (float& v : *values) v = static_cast<float>(rng()) * 0x1p-31f - 0.5f;
    }
    std::vector<double> wanted;
    for (int64_t t = 0; t < 2; ++t) {
      const float* row = x.data() + t * n;
      const auto count = static_cast<double>(n);
      const double mean = std::accumulate(row, row + n, 0.0) / count;
      double variance = 0;
      for (int64_t i = 0; i < n; ++i) variance += std::pow(row[i] - mean, 2) / count;
      for (size_t i = 0; i < gain.size(); ++i) {
        wanted.push_back((row[i] - mean) / std::sqrt(variance + 1e-6) * gain[i] + bias[i]);
      }
    }
    WorkerPool pool(2);
    Arena arena;
    ComputeContext ctx{pool, *SelectKernelTable(), arena, MatmulMode::kInteger, 0};
    LayerNorm(gain, bias, 1e-6f, {x.data(), 2, n, n}, ctx);
    for (size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(x[i], wanted[i], 1e-5) << n << " " << i;
  }
}

// 3 heads of 32, 150 positions in scattered blocks.
class IndexedCache {
 public:
  static constexpr int kHeads = 3, kDim = 32, kLength = 150;

  IndexedCache(DType dtype, int threads)
      : pool_(threads),
        cache_({{1, 64, 32, kDim}}, dtype, 4),
        ctx_{pool_, *SelectKernelTable(), arena_, MatmulMode::kInteger, 0} {
    keys_ = Random(int64_t{kLength} * kDim, 1);
    StoreIndexKeys(BatchOf(0, kLength), 0, {keys_.data(), kLength, kDim, kDim}, cache_, ctx_);
  }

  // Positions that each row of [begin, begin + count) sees; empty: all.
  std::vector<std::vector<int>> Select(int begin, int count, int top_k) {
    const std::vector<float> queries = Random(int64_t{kLength} * kHeads * kDim, 2);
    const std::vector<float> weights = Random(int64_t{kLength} * kHeads, 3);
    const IndexQueries index{
        .queries = {queries.data() + int64_t{begin} * kHeads * kDim, count, kHeads * kDim,
                    kHeads * kDim},
        .weights = {weights.data() + int64_t{begin} * kHeads, count, kHeads, kHeads},
        .num_heads = kHeads,
        .head_dim = kDim,
        .top_k = top_k};
    const Selection found = SelectPositions(index, BatchOf(begin, count), 0, cache_, ctx_);
    std::vector<std::vector<int>> rows(static_cast<size_t>(count));
    for (int t = 0; t < count; ++t) {
      if (found.limited[t] == 0) continue;
      for (int s = 0; s <= begin + t; ++s) {
        const uint64_t word = found.bits[t * found.blocks + s / 64];
        if ((word >> s % 64 & 1) != 0) rows[static_cast<size_t>(t)].push_back(s);
      }
    }
    arena_.Reset();
    return rows;
  }

  // The scores of one row, in double.
  std::vector<double> Scores(int t) const {
    const std::vector<float> queries = Random(int64_t{kLength} * kHeads * kDim, 2);
    const std::vector<float> weights = Random(int64_t{kLength} * kHeads, 3);
    std::vector<double> scores(static_cast<size_t>(t) + 1, 0.0);
    for (int s = 0; s <= t; ++s) {
      for (int h = 0; h < kHeads; ++h) {
        double fit = 0;
        for (int d = 0; d < kDim; ++d) {
          fit += double{queries[static_cast<size_t>((t * kHeads + h) * kDim + d)]} *
                 double{keys_[static_cast<size_t>(s * kDim + d)]};
        }
        scores[static_cast<size_t>(s)] +=
            double{weights[static_cast<size_t>(t * kHeads + h)]} * std::max(fit, 0.0);
      }
    }
    return scores;
  }

 private:
  static std::vector<float> Random(int64_t n, unsigned seed) {
    std::mt19937 rng(seed);
    std::vector<float> out(static_cast<size_t>(n));
    for (float& v : out) v = static_cast<float>(rng()) * 0x1p-31f - 1.0f;
    return out;
  }
  static Batch BatchOf(int begin, int count) {
    Batch batch;
    batch.tokens.assign(static_cast<size_t>(count), 0);
    for (int i = 0; i < count; ++i) batch.positions.push_back(begin + i);
    batch.sequences.push_back(
        {.first_row = 0, .count = count, .begin = begin, .blocks = {2, 0, 3}});
    return batch;
  }

  std::vector<float> keys_;
  WorkerPool pool_;
  KvCache cache_;
  Arena arena_;
  ComputeContext ctx_;
};

TEST(SelectPositions, TakesTheBestOfAllHeadsTogether) {
  IndexedCache cache(DType::kF32, 1);
  const auto rows = cache.Select(0, IndexedCache::kLength, 20);
  for (int t = 0; t < IndexedCache::kLength; ++t) {
    const std::vector<int>& row = rows[static_cast<size_t>(t)];
    if (t < 20) {
      EXPECT_TRUE(row.empty()) << t;  // sees all
      continue;
    }
    ASSERT_EQ(row.size(), 20u) << t;
    const std::vector<double> scores = cache.Scores(t);
    double least = 1e9, best_of_others = -1e9;
    for (int s = 0; s <= t; ++s) {
      const double score = scores[static_cast<size_t>(s)];
      if (std::binary_search(row.begin(), row.end(), s)) {
        least = std::min(least, score);
      } else {
        best_of_others = std::max(best_of_others, score);
      }
    }
    EXPECT_GE(least, best_of_others - 1e-5) << t;
  }
}

TEST(SelectPositions, DoesNotDependOnTheStepOrOnThreads) {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0}) {
    IndexedCache one(dtype, 1), three(dtype, 3);
    const auto whole = one.Select(0, IndexedCache::kLength, 33);
    EXPECT_EQ(three.Select(0, IndexedCache::kLength, 33), whole);
    for (const int t : {40, 64, 127, 149}) {
      EXPECT_EQ(three.Select(t, 1, 33)[0], whole[static_cast<size_t>(t)]) << Name(dtype) << t;
    }
  }
}

}  // namespace
}  // namespace tael
