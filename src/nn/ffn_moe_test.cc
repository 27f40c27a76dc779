// Experts: against the sum written out token by token, for any batch, thread count and routing.
#include "nn/ffn_moe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <random>
#include <set>

#include "ops/rms_norm.h"
#include "quant/encode.h"

namespace tael {
namespace {

constexpr int kWidth = 64, kExperts = 7, kPerToken = 3, kExpertSize = 32, kSharedSize = 96;
constexpr int kLongest = 64;

// A random layer whose weights are Q8_0, so that both matmul modes have work to do.
class Layer {
 public:
  explicit Layer(bool shared) {
    spec_.router.num_experts = kExperts;
    spec_.router.experts_per_token = kPerToken;
    spec_.router.normalize = true;
    spec_.expert_size = kExpertSize;
    weights_.router.gate = Matrix(DType::kF32, kExperts, kWidth);
    for (int e = 0; e < kExperts; ++e) weights_.experts.push_back(Ffn(kExpertSize));
    if (!shared) return;
    spec_.shared_size = kSharedSize;
    spec_.shared_gate = true;
    weights_.shared = Ffn(kSharedSize);
    weights_.shared_gate = Floats(kWidth);
  }

  std::vector<float> Floats(int64_t n) {
    std::vector<float> out(static_cast<size_t>(n));
    for (float& v : out) v = static_cast<float>(random_()) * 0x1p-31f - 1.0f;
    return out;
  }

  // Rows [first, first + count) of x as one step.
  std::vector<float> Forward(const std::vector<float>& x, int64_t first, int64_t count, int threads,
                             bool integer, int64_t* scratch = nullptr) const {
    WorkerPool pool(threads);
    Arena arena;
    ComputeContext ctx{pool, *SelectKernelTable(), arena,
                       integer ? MatmulMode::kInteger : MatmulMode::kFloat, 0};
    std::vector<float> out(static_cast<size_t>(count * kWidth), 5.0f);
    MoeFfnForward(spec_, weights_, {x.data() + first * kWidth, count, kWidth, kWidth}, {},
                  {out.data(), count, kWidth, kWidth}, ctx);
    if (scratch != nullptr) *scratch = arena.peak();
    return out;
  }

  int64_t PlannedScratch(int64_t rows, int threads, bool integer) const {
    WorkerPool pool(WorkerPool::Imagined{threads});
    Arena arena;
    ComputeContext ctx{pool, *SelectKernelTable(), arena,
                       integer ? MatmulMode::kInteger : MatmulMode::kFloat, 0};
    MoeFfnForward(spec_, weights_, {nullptr, rows, kWidth, kWidth}, {},
                  {nullptr, rows, kWidth, kWidth}, ctx);
    return arena.peak();
  }

  // Puts an expert of another storage form in the place of one.
  void StoreAsBytes(size_t expert, DType dtype) {
    DenseFfnWeights& w = weights_.experts[expert];
    w.gate = Bytes(dtype, kExpertSize, kWidth);
    w.up = Bytes(dtype, kExpertSize, kWidth);
    w.down = Bytes(dtype, kWidth, kExpertSize);
  }

  const MoeFfnSpec& spec() const { return spec_; }
  const MoeFfnWeights& weights() const { return weights_; }

 private:
  Weight Matrix(DType dtype, int64_t n, int64_t k) {
    const std::vector<float> values = Floats(n * k);
    const int64_t row_bytes = *StorageBytes(dtype, k);
    bytes_.emplace_back(static_cast<size_t>(n * row_bytes));
    uint8_t* data = bytes_.back().data();
    for (int64_t r = 0; r < n; ++r) {
      if (dtype == DType::kF32) {
        std::memcpy(data + r * row_bytes, &values[static_cast<size_t>(r * k)],
                    static_cast<size_t>(row_bytes));
      } else {
        EncodeRow(dtype, &values[static_cast<size_t>(r * k)], k, data + r * row_bytes);
      }
    }
    return {.dtype = dtype, .n = n, .k = k, .data = data, .row_bytes = row_bytes};
  }
  // Codes of one byte with one scale.
  Weight Bytes(DType dtype, int64_t n, int64_t k) {
    static constexpr float kScale = 0x1p-6f;
    std::vector<uint8_t>& codes = bytes_.emplace_back(static_cast<size_t>(n * k));
    for (uint8_t& code : codes) code = static_cast<uint8_t>(random_() % 64);  // small numbers
    const auto matrix = std::make_shared<PackedMatrix>();
    matrix->n = n;
    matrix->k = k;
    matrix->codes = ByteCodes{.dtype = dtype,
                              .codes = codes.data(),
                              .row_stride = k,
                              .scales = reinterpret_cast<const uint8_t*>(&kScale),
                              .row_span = n,
                              .column_span = k};
    return {.n = n, .k = k, .packed = matrix};
  }
  DenseFfnWeights Ffn(int64_t width) {
    DenseFfnWeights w;
    w.gate = Matrix(DType::kQ8_0, width, kWidth);
    w.up = Matrix(DType::kQ8_0, width, kWidth);
    w.down = Matrix(DType::kQ8_0, kWidth, width);
    return w;
  }

  std::mt19937 random_{11};
  std::vector<std::vector<uint8_t>> bytes_;
  MoeFfnSpec spec_;
  MoeFfnWeights weights_;
};

// One token, its experts in index order, nothing grouped.
std::vector<float> OneToken(const Layer& layer, const float* x) {
  WorkerPool pool(1);
  Arena arena;
  ComputeContext ctx{pool, *SelectKernelTable(), arena, MatmulMode::kInteger, 0};
  const MatrixView<const float> row{x, 1, kWidth, kWidth};
  const Routing routing = Route(layer.spec().router, layer.weights().router, row, {}, ctx);
  std::vector<float> sum(kWidth, 0.0f), result(kWidth);
  for (int i = 0; i < kPerToken; ++i) {
    DenseFfnForward({.intermediate_size = kExpertSize},
                    layer.weights().experts[static_cast<size_t>(routing.experts[i])], row,
                    {result.data(), 1, kWidth, kWidth}, ctx);
    for (size_t d = 0; d < kWidth; ++d) {
      const float product = routing.weights[i] * result[d];
      sum[d] += product;
    }
  }
  return sum;
}

TEST(MoeFfn, AddsTheExpertsOfEachTokenInIndexOrder) {
  Layer layer(false);
  const std::vector<float> x = layer.Floats(kLongest * kWidth);
  for (const int m : {1, 2, 3, 5, 7, 9, 23, 64}) {
    const std::vector<float> all = layer.Forward(x, 0, m, 2, true);
    for (int t = 0; t < m; ++t) {
      const std::vector<float> one = OneToken(layer, &x[static_cast<size_t>(t) * kWidth]);
      ASSERT_TRUE(std::equal(one.begin(), one.end(), all.begin() + t * kWidth))
          << "token " << t << " of " << m;
    }
  }
}

TEST(MoeFfn, IsTheSameForAnyBatchAndThreads) {
  Layer layer(true);
  const std::vector<float> x = layer.Floats(kLongest * kWidth);
  for (const bool integer : {false, true}) {
    const std::vector<float> all = layer.Forward(x, 0, kLongest, 1, integer);
    for (const int m : {1, 2, 3, 5, 7, 9, 23, 64}) {
      for (const int threads : {1, 3}) {
        std::vector<float> pieces;
        for (int64_t first = 0; first < kLongest; first += m) {
          const std::vector<float> piece =
              layer.Forward(x, first, std::min<int64_t>(m, kLongest - first), threads, integer);
          pieces.insert(pieces.end(), piece.begin(), piece.end());
        }
        ASSERT_EQ(std::memcmp(all.data(), pieces.data(), all.size() * 4), 0) << m << " " << threads;
      }
    }
  }
}

void ExpectPlannedScratch(Layer& layer) {
  std::vector<float> alike;  // every token the same: the largest groups there are
  const std::vector<float> x = layer.Floats(kLongest * kWidth);
  for (int t = 0; t < kLongest; ++t) alike.insert(alike.end(), x.begin(), x.begin() + kWidth);
  for (const bool integer : {false, true}) {
    for (const int rows : {1, 23, 64}) {
      int64_t spread = 0, crowded = 0;
      layer.Forward(x, 0, rows, 3, integer, &spread);
      layer.Forward(alike, 0, rows, 3, integer, &crowded);
      const int64_t planned = layer.PlannedScratch(rows, 3, integer);
      EXPECT_EQ(spread, planned) << rows;
      EXPECT_EQ(crowded, planned) << rows;
    }
  }
}

TEST(MoeFfn, TakesTheScratchThatWasPlannedForAnyRouting) {
  Layer layer(true);
  ExpectPlannedScratch(layer);
  // Few rows of float8 take none, the same number of rows of other bytes do.
  layer.StoreAsBytes(0, DType::kF8E4M3);
  for (size_t e = 1; e < kExperts; ++e) layer.StoreAsBytes(e, DType::kF8E5M2);
  ExpectPlannedScratch(layer);
}

// More places than pass the experts together.
TEST(MoeFfn, IsTheSameWhereTokensPassInSeveralChunks) {
  constexpr int64_t kMany = 300;
  Layer layer(true);
  const std::vector<float> x = layer.Floats(kMany * kWidth);
  for (const bool integer : {false, true}) {
    const std::vector<float> all = layer.Forward(x, 0, kMany, 3, integer);
    for (int64_t t = 0; t < kMany; ++t) {
      const std::vector<float> one = layer.Forward(x, t, 1, 1, integer);
      ASSERT_TRUE(std::equal(one.begin(), one.end(), all.begin() + t * kWidth)) << t;
    }
  }
}

TEST(MoeFfn, GroupsTokensByExpertInOrder) {
  WorkerPool pool(1);
  Arena arena;
  ComputeContext ctx{pool, *SelectKernelTable(), arena, MatmulMode::kInteger, 0};
  std::vector<int32_t> experts = {1, 3, 0, 3, 1, 3};
  std::vector<float> weights = {1, 2, 3, 4, 5, 6};
  const Routing routing{3, 2, experts.data(), weights.data()};
  const ExpertGroups groups = GroupByExpert(routing, 5, ctx);
  EXPECT_TRUE(groups.known);
  EXPECT_EQ(std::vector<int32_t>(groups.begins, groups.begins + 6),
            (std::vector<int32_t>{0, 1, 3, 3, 6, 6}));
  EXPECT_EQ(std::vector<int32_t>(groups.tokens, groups.tokens + 6),
            (std::vector<int32_t>{1, 0, 2, 0, 1, 2}));
  EXPECT_EQ(std::vector<float>(groups.weights, groups.weights + 6),
            (std::vector<float>{3, 1, 5, 2, 4, 6}));
  EXPECT_EQ(std::vector<int32_t>(groups.places, groups.places + 6),
            (std::vector<int32_t>{1, 3, 0, 4, 2, 5}));
}

TEST(MoeFfn, RecordsItsDecisionsAndCountsTheExpertsItReads) {
  Layer layer(false);
  const std::vector<float> x = layer.Floats(2 * kWidth);
  WorkerPool pool(1);
  Arena arena;
  std::vector<RouterRecord> records;
  ComputeContext ctx{pool, *SelectKernelTable(), arena, MatmulMode::kInteger, 0};
  ctx.routers = &records;
  const MatrixView<float> out = NewMatrix(2, kWidth, ctx);
  MoeFfnForward(layer.spec(), layer.weights(), {x.data(), 2, kWidth, kWidth}, {}, out, ctx);
  ASSERT_EQ(records.size(), 1u);
  const std::set<int32_t> touched(records[0].experts.begin(), records[0].experts.end());
  const DenseFfnWeights& expert = layer.weights().experts[0];
  EXPECT_EQ(ctx.expert_bytes, static_cast<int64_t>(touched.size()) *
                                  (expert.gate.bytes() + expert.up.bytes() + expert.down.bytes()));
  EXPECT_EQ(records[0].experts_per_token, kPerToken);
  EXPECT_EQ(records[0].experts.size(), 2u * kPerToken);
  EXPECT_EQ(records[0].weights.size(), 2u * kPerToken);
}

}  // namespace
}  // namespace tael
