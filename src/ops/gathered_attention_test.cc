// Attention over listed rows: the bits of attention over a sequence that consists of them.
#include "ops/gathered_attention.h"
#include "tests/support/random_floats.h"

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace tael {
namespace {

constexpr int64_t kRows = 19, kHeads = 3, kDim = 20, kStored = 150;
constexpr size_t kSize = static_cast<size_t>(kDim);

class GatheredAttentionTest : public testing::TestWithParam<DType> {
 protected:
  GatheredAttentionTest() : row_bytes_(*StorageBytes(GetParam(), kDim)) {
    const std::vector<float> values = RandomFloats(kStored * kDim, 1);
    stored_.resize(static_cast<size_t>(kStored * row_bytes_));
    for (int64_t r = 0; r < kStored; ++r) {
      SelectKernelTable()->to_cache(&values[static_cast<size_t>(r * kDim)], kSize, GetParam(),
                                    stored_.data() + r * row_bytes_);
    }
  }

  // Row t sees 1 + 7 t stored rows: every third, backwards.
  static int64_t Count(int64_t t) { return 1 + 7 * t; }
  const uint8_t* Address(int64_t i) const {
    return stored_.data() + (kStored - 1 - i * 3 % kStored) * row_bytes_;
  }

  std::vector<float> Run(int64_t first, int64_t count, int threads) const {
    WorkerPool pool(threads);
    Arena arena;
    ComputeContext ctx{pool, *SelectKernelTable(), arena, MatmulMode::kInteger, 0};
    std::vector<float> out(static_cast<size_t>(count * kHeads * kDim));
    const GatheredShape shape{.num_heads = kHeads,
                              .head_dim = kDim,
                              .scale = 0.3f,
                              .sinks = sinks_.data(),
                              .longest = Count(kRows - 1),
                              .dtype = GetParam()};
    const ListRows list = [&](int64_t t, const uint8_t** rows) {
      for (int64_t i = 0; i < Count(first + t); ++i) rows[i] = Address(i);
      return Count(first + t);
    };
    const int64_t width = kHeads * kDim;
    GatheredAttention(shape, list, {queries_.data() + first * width, count, width, width},
                      {out.data(), count, width, width}, ctx);
    return out;
  }

  int64_t row_bytes_;
  std::vector<uint8_t> stored_;
  const std::vector<float> queries_ = RandomFloats(kRows * kHeads * kDim, 2);
  const std::vector<float> sinks_ = {0.5f, -1.0f, 2.0f};
};

TEST_P(GatheredAttentionTest, HasTheBitsOfTheKernelOnThoseRowsSideBySide) {
  const std::vector<float> out = Run(0, kRows, 3);
  for (int64_t t = 0; t < kRows; ++t) {
    std::vector<uint8_t> rows(static_cast<size_t>((Count(t) + 63) / 64 * 64 * row_bytes_));
    std::vector<const void*> blocks;
    for (int64_t i = 0; i < Count(t); ++i) {
      uint8_t* to = rows.data() + i * row_bytes_;
      std::memcpy(to, Address(i), static_cast<size_t>(row_bytes_));
      if (i % 64 == 0) blocks.push_back(to);
    }
    for (int64_t head = 0; head < kHeads; ++head) {
      std::vector<float> expected(kSize), scratch(AttentionScratch(kSize) + 16);
      AttentionArgs args;
      args.query = &queries_[static_cast<size_t>((t * kHeads + head) * kDim)];
      args.head_dim = args.value_dim = kSize;
      args.k_blocks = args.v_blocks = blocks.data();
      args.dtype = GetParam();
      args.end = static_cast<size_t>(Count(t));
      args.scale = 0.3f;
      args.sinks = &sinks_[static_cast<size_t>(head)];
      args.out = expected.data();
      args.scratch = scratch.data();
      SelectKernelTable()->attention(args);
      EXPECT_EQ(std::memcmp(&out[static_cast<size_t>((t * kHeads + head) * kDim)], expected.data(),
                            kSize * sizeof(float)),
                0)
          << t << " " << head;
    }
  }
}

TEST_P(GatheredAttentionTest, GivesARowTheSameBitsInAnyCompany) {
  const std::vector<float> all = Run(0, kRows, 2);
  std::vector<float> pieces;
  for (const auto& [first, count] : {std::pair<int64_t, int64_t>{0, 1}, {1, 9}, {10, 9}}) {
    const std::vector<float> part = Run(first, count, 1);
    pieces.insert(pieces.end(), part.begin(), part.end());
  }
  EXPECT_EQ(all, pieces);
}

INSTANTIATE_TEST_SUITE_P(Types, GatheredAttentionTest,
                         testing::Values(DType::kF32, DType::kF16, DType::kBF16));

}  // namespace
}  // namespace tael
