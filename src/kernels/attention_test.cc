// Attention of every table: against a two-pass double reference and bit for bit against scalar.
#include <algorithm>

#include "kernels/kernel_test_support.h"

namespace tael {
namespace {

// Keys and values of `length` positions, cut into blocks that are scattered in memory.
class AttentionCase {
 public:
  AttentionCase(size_t head_dim, size_t length, DType dtype, unsigned seed)
      : head_dim_(head_dim),
        dtype_(dtype),
        query_(RandomFloats(kMostRows * (head_dim + 1), seed, 3.0f)) {
    const size_t blocks = (length + kKvBlockSize - 1) / kKvBlockSize;
    const size_t count = kKvBlockSize * head_dim;
    for (size_t b = 0; b < blocks; ++b) {
      const unsigned block_seed = seed + static_cast<unsigned>(b);
      keys_.push_back(Encoded(RandomFloats(count, block_seed + 100), dtype));
      values_.push_back(Encoded(RandomFloats(count, block_seed + 200), dtype));
    }
    for (size_t b = 0; b < blocks; ++b) {
      k_blocks_.push_back(keys_[b].data());
      v_blocks_.push_back(values_[b].data());
    }
  }

  static constexpr float kNoSink = -INFINITY;
  static constexpr size_t kMostRows = kAttentionRows;

  // Values are the first `width` elements of each key.
  void ShareRows(size_t width) {
    value_dim_ = width;
    values_ = keys_;
    v_blocks_ = k_blocks_;
  }
  // Only positions whose bit is set are visible.
  void Select(std::vector<uint64_t> bits) { selected_ = std::move(bits); }

  // One row.
  std::vector<float> Run(const KernelTable& table, size_t begin, size_t end,
                         float sink = kNoSink) const {
    return Run(table, {.tokens = 1, .heads = 1, .end = end, .window = end - begin}, {sink});
  }

  struct Rows {
    size_t tokens, heads, end, window;
  };
  // Rows [tokens, heads], rows of out one behind the other. Queries and results of a token lie
  // further apart than they need to.
  std::vector<float> Run(const KernelTable& table, const Rows& rows,
                         const std::vector<float>& sinks) const {
    const size_t width = rows.heads * value_dim_;
    std::vector<float> out(rows.tokens * (width + 1), 55.0f), scratch(AttentionScratch(head_dim_));
    AttentionArgs args;
    args.query = query_.data();
    args.query_stride = rows.heads * head_dim_ + 1;
    args.tokens = rows.tokens;
    args.heads = rows.heads;
    args.head_dim = head_dim_;
    args.value_dim = value_dim_;
    if (!selected_.empty()) args.selected = selected_.data();
    args.k_blocks = k_blocks_.data();
    args.v_blocks = v_blocks_.data();
    args.dtype = dtype_;
    args.end = rows.end;
    args.window = rows.window;
    args.scale = kScale;
    args.sinks = sinks.data();
    args.out = out.data();
    args.out_stride = width + 1;
    args.scratch = scratch.data();
    table.attention(args);
    for (size_t t = rows.tokens; t-- > 0;) {
      EXPECT_EQ(out[t * (width + 1) + width], 55.0f);
      out.erase(out.begin() + static_cast<long>(t * (width + 1) + width));
    }
    return out;
  }

  std::vector<double> Reference(size_t begin, size_t end, float sink = kNoSink) const {
    std::vector<double> scores, out(value_dim_, 0.0);
    std::vector<size_t> seen;
    for (size_t t = begin; t < end; ++t) {
      if (!selected_.empty() && (selected_[t / 64] >> t % 64 & 1) == 0) continue;
      double dot = 0;
      for (size_t d = 0; d < head_dim_; ++d) dot += QueryAt(d) * At(keys_, t, d);
      scores.push_back(dot * kScale);
      seen.push_back(t);
    }
    const double largest = std::max<double>(sink, *std::max_element(scores.begin(), scores.end()));
    double total = std::exp(sink - largest);
    for (double& s : scores) total += s = std::exp(s - largest);
    for (size_t i = 0; i < seen.size(); ++i) {
      for (size_t d = 0; d < value_dim_; ++d) out[d] += scores[i] / total * At(values_, seen[i], d);
    }
    return out;
  }

  // Makes one cached key or value element special.
  void Poke(bool key, size_t t, float value) {
    auto& block = (key ? keys_ : values_)[t / kKvBlockSize];
    const std::vector<uint8_t> bytes = Encoded({value}, dtype_);
    std::copy(bytes.begin(), bytes.end(),
              block.begin() + static_cast<long>(t % kKvBlockSize * head_dim_ * bytes.size()));
  }

  // Replaces block `b` of a row of q8_0.
  void SetBlock(bool key, size_t t, size_t b, const std::vector<uint8_t>& bytes) {
    auto& block = (key ? keys_ : values_)[t / kKvBlockSize];
    const size_t at = t % kKvBlockSize * (head_dim_ / 32) + b;
    std::copy(bytes.begin(), bytes.end(), block.begin() + static_cast<long>(at * bytes.size()));
  }

 private:
  static constexpr float kScale = 0.3f;
  double At(const std::vector<std::vector<uint8_t>>& cache, size_t t, size_t d) const {
    return DecodedElement(cache[t / kKvBlockSize].data(), t % kKvBlockSize * head_dim_ + d, dtype_);
  }

  // With keys of Q8_0 a query counts in 8 bits.
  double QueryAt(size_t d) const {
    if (dtype_ != DType::kQ8_0) return query_[d];
    float largest = 0;
    for (size_t i = d / 32 * 32; i < d / 32 * 32 + 32; ++i) {
      largest = std::max(largest, std::fabs(query_[i]));
    }
    return double{largest / 127} * std::nearbyint(query_[d] * (127 / largest));
  }

  size_t head_dim_, value_dim_ = head_dim_;
  std::vector<uint64_t> selected_;
  DType dtype_;
  std::vector<float> query_;
  std::vector<std::vector<uint8_t>> keys_, values_;
  std::vector<const void*> k_blocks_, v_blocks_;
};

using AttentionTest = KernelTest;
INSTANTIATE_TEST_SUITE_P(Tables, AttentionTest, testing::ValuesIn(TablesWithTiles()), TableName);

TEST_P(AttentionTest, MatchesReferenceAndScalarForAllTypesLengthsAndWindows) {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0}) {
    for (const size_t head_dim : {1, 8, 16, 24, 32, 64, 80, 96, 100, 128, 160}) {
      if (head_dim % static_cast<size_t>(Info(dtype).block_size) != 0) continue;
      const AttentionCase c(head_dim, 200, dtype, static_cast<unsigned>(head_dim));
      for (const auto& [begin, end] : {std::pair<size_t, size_t>{0, 1},
                                       {0, 5},
                                       {0, 63},
                                       {0, 64},
                                       {0, 65},
                                       {0, 200},
                                       {63, 64},
                                       {63, 66},
                                       {70, 200},
                                       {130, 131},
                                       {17, 18},
                                       {100, 192}}) {
        SCOPED_TRACE(testing::Message()
                     << Name(dtype) << " " << head_dim << " " << begin << " " << end);
        const std::vector<float> out = c.Run(*GetParam(), begin, end);
        ASSERT_EQ(FirstDifference(out, c.Run(ScalarTable(), begin, end)), -1);
        const std::vector<double> reference = c.Reference(begin, end);
        // Scores up to about 60 carry absolute errors near 60 * 8 * 2^-24, which exp turns into
        // relative ones; values are at most 1.
        for (size_t d = 0; d < head_dim; ++d) ASSERT_NEAR(out[d], reference[d], 6e-5) << d;
      }
    }
  }
}

// Far below, among and far above the scores, which reach about 15.
TEST_P(AttentionTest, SinksEnterOnlyTheSum) {
  for (const float sink : {-300.0f, -2.0f, 0.0f, 7.5f, 300.0f}) {
    for (const size_t head_dim : {24, 64, 100}) {
      const AttentionCase c(head_dim, 200, DType::kF16, static_cast<unsigned>(head_dim));
      for (const auto& [begin, end] :
           {std::pair<size_t, size_t>{0, 1}, {0, 64}, {37, 65}, {5, 200}}) {
        SCOPED_TRACE(testing::Message() << sink << " " << head_dim << " " << begin << " " << end);
        const std::vector<float> out = c.Run(*GetParam(), begin, end, sink);
        ASSERT_EQ(FirstDifference(out, c.Run(ScalarTable(), begin, end, sink)), -1);
        const std::vector<double> reference = c.Reference(begin, end, sink);
        for (size_t d = 0; d < head_dim; ++d) ASSERT_NEAR(out[d], reference[d], 6e-5) << d;
      }
    }
  }
}

struct Widths {
  size_t key, value;
};

TEST_P(AttentionTest, ValuesMayBeTheBeginningOfKeys) {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0}) {
    for (const auto [key, value] : {Widths{9, 1}, {24, 16}, {40, 33}, {96, 64}, {150, 131}}) {
      const auto block = static_cast<size_t>(Info(dtype).block_size);
      if (key % block != 0 || value % block != 0) continue;
      AttentionCase c(key, 150, dtype, static_cast<unsigned>(key));
      c.ShareRows(value);
      for (const auto& [begin, end] : {std::pair<size_t, size_t>{0, 1}, {0, 150}, {63, 129}}) {
        SCOPED_TRACE(testing::Message() << Name(dtype) << " " << key << " " << begin);
        const std::vector<float> out = c.Run(*GetParam(), begin, end);
        ASSERT_EQ(FirstDifference(out, c.Run(ScalarTable(), begin, end)), -1);
        const std::vector<double> reference = c.Reference(begin, end);
        for (size_t d = 0; d < value; ++d) ASSERT_NEAR(out[d], reference[d], 6e-5) << d;
      }
    }
  }
}

// Calls of many rows: groups and tokens that no tile divides, lengths that end inside blocks and
// windows that begin there.
TEST_P(AttentionTest, RowsOfACallHaveTheBitsTheyHaveOneByOne) {
  std::vector<float> sinks(AttentionCase::kMostRows, AttentionCase::kNoSink);
  sinks[1] = 2.5f;
  size_t turn = 0;
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0}) {
    for (const auto [key, value] : {Widths{7, 7}, {40, 40}, {80, 80}, {192, 128}, {288, 256}}) {
      const auto block = static_cast<size_t>(Info(dtype).block_size);
      const size_t wide = (key + block - 1) / block * block;
      AttentionCase c(wide, 260, dtype, static_cast<unsigned>(key));
      if (value < key) c.ShareRows(value);
      for (const size_t heads : {1, 2, 3, 5, 7}) {
        for (const size_t tokens : {1, 2, 3, 5, 9, 23}) {
          if (heads * tokens > AttentionCase::kMostRows) continue;
          constexpr size_t kEnds[] = {1, 17, 60, 64, 129, 200}, kWindows[] = {0, 1, 37, 64, 100};
          const AttentionCase::Rows rows{tokens, heads, kEnds[turn % 6], kWindows[turn % 5]};
          ++turn;
          SCOPED_TRACE(testing::Message() << Name(dtype) << " " << wide << " " << heads << " "
                                          << tokens << " " << rows.end << " " << rows.window);
          const std::vector<float> out = c.Run(*GetParam(), rows, sinks);
          ASSERT_EQ(FirstDifference(out, c.Run(ScalarTable(), rows, sinks)), -1);
        }
      }
    }
  }
}

TEST_P(AttentionTest, HeadsThatShareASelectionHaveTheBitsOfScalar) {
  const std::vector<float> sinks(16, 0.25f);
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kQ8_0}) {
    AttentionCase c(160, 320, dtype, 21);
    c.ShareRows(128);
    c.Select({0x8000000000000001, 0, ~uint64_t{0}, 0x00ff00ff12345678, uint64_t{1} << 7});
    for (const size_t heads : {1, 2, 3, 4, 7, 16}) {
      const AttentionCase::Rows rows{1, heads, 270, 0};
      EXPECT_EQ(FirstDifference(c.Run(*GetParam(), rows, sinks), c.Run(ScalarTable(), rows, sinks)),
                -1)
          << Name(dtype) << " " << heads;
    }
  }
}

TEST_P(AttentionTest, SeesOnlySelectedPositions) {
  std::mt19937_64 rng(3);
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0}) {
    for (const uint64_t density : {1, 2, 3}) {
      AttentionCase c(96, 320, dtype, 11);
      std::vector<uint64_t> bits(5);
      for (uint64_t& word : bits) {
        word = ~uint64_t{0};
        for (uint64_t i = 0; i < density; ++i) word &= rng();
      }
      bits[2] = 0;                  // a block in between without any
      bits[3] = ~uint64_t{0};       // one with all
      bits[4] = uint64_t{1} << 41;  // only where the last row is
      c.Select(bits);
      for (const auto& [begin, end] : {std::pair<size_t, size_t>{0, 300}, {0, 298}, {70, 250}}) {
        SCOPED_TRACE(testing::Message() << Name(dtype) << " " << density << " " << end);
        const std::vector<float> out = c.Run(*GetParam(), begin, end);
        ASSERT_EQ(FirstDifference(out, c.Run(ScalarTable(), begin, end)), -1);
        const std::vector<double> reference = c.Reference(begin, end);
        for (size_t d = 0; d < 96; ++d) ASSERT_NEAR(out[d], reference[d], 6e-5) << d;
      }
    }
  }
}

TEST_P(AttentionTest, SelectingEverythingHasTheBitsOfNoSelection) {
  AttentionCase c(64, 200, DType::kF16, 5);
  const std::vector<float> all = c.Run(*GetParam(), 3, 170);
  c.Select(std::vector<uint64_t>(4, ~uint64_t{0}));
  EXPECT_EQ(FirstDifference(c.Run(*GetParam(), 3, 170), all), -1);
}

// A selection that a window could also express takes another path through the kernel.
TEST_P(AttentionTest, SelectingAWindowHasTheBitsOfTheWindow) {
  AttentionCase c(80, 200, DType::kBF16, 6);
  const std::vector<float> window = c.Run(*GetParam(), 70, 170);
  c.Select({0, ~uint64_t{0} << 6, ~uint64_t{0}, ~uint64_t{0}});
  EXPECT_EQ(FirstDifference(c.Run(*GetParam(), 0, 170), window), -1);
}

TEST_P(AttentionTest, SpecialValuesHaveTheBitsOfScalarAndHiddenOnesDoNotMatter) {
  for (const float special : {NAN, INFINITY, -INFINITY, 3e38f, 1e-40f}) {
    for (const bool key : {true, false}) {
      AttentionCase c(64, 192, DType::kF32, 3);
      const std::vector<float> before = c.Run(*GetParam(), 70, 90);
      c.Poke(key, 69, special);
      c.Poke(key, 90, special);
      EXPECT_EQ(FirstDifference(c.Run(*GetParam(), 70, 90), before), -1);
      EXPECT_EQ(FirstDifference(c.Run(*GetParam(), 60, 150), c.Run(ScalarTable(), 60, 150)), -1);
    }
  }
}

// What a cache of q8_0 can hold: NaN scales, the largest and the least of both signs.
TEST_P(AttentionTest, EveryScaleAndByteOfQ8HasTheBitsOfScalar) {
  std::mt19937 rng(5);
  for (const uint16_t scale : {0x0000, 0x0001, 0x03ff, 0x2c01, 0x7bff, 0x7e00}) {
    AttentionCase c(96, 128, DType::kQ8_0, 7);
    for (size_t b = 0; b < 12; ++b) {
      std::vector<uint8_t> block(34);
      std::memcpy(block.data(), &scale, sizeof(scale));
      for (size_t i = 2; i < block.size(); ++i) block[i] = static_cast<uint8_t>(rng());
      c.SetBlock(b % 2 == 0, 3 * b, b % 3, block);
    }
    EXPECT_EQ(FirstDifference(c.Run(*GetParam(), 5, 99), c.Run(ScalarTable(), 5, 99)), -1) << scale;
  }
}

}  // namespace
}  // namespace tael
