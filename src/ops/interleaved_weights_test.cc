// What reads interleaved rows gives the bits of what reads the file, for every number of rows,
// columns of outputs and threads.
#include "ops/interleaved_weights.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <stdexcept>

#include "ops/embedding.h"
#include "ops/matmul.h"
#include "tests/support/random_floats.h"

namespace tael {
namespace {

// A matrix of random blocks in memory of its own.
struct OwnedWeight {
  std::vector<uint8_t> bytes;
  Weight w;

  OwnedWeight(DType dtype, int64_t n, int64_t k)
      : bytes(static_cast<size_t>(n * *StorageBytes(dtype, k))),
        w{.dtype = dtype,
          .n = n,
          .k = k,
          .data = bytes.data(),
          .row_bytes = *StorageBytes(dtype, k)} {
    std::mt19937 rng(static_cast<unsigned>(n));
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(rng() & 0x3b);  // finite in every type
  }
};

// The matrices are in memory anyway.
const uint8_t* InPlace(std::span<const uint8_t> part, uint8_t*) { return part.data(); }

std::vector<float> Product(const Weight& w, int64_t rows, int threads,
                           const InterleavedWeights* interleaved) {
  WorkerPool pool(threads);
  Arena arena;
  ComputeContext ctx{pool, *SelectKernelTable(), arena, MatmulMode::kInteger, 0};
  ctx.interleaved = interleaved;
  const std::vector<float> x = RandomFloats(rows * w.k, 7);
  std::vector<float> y(static_cast<size_t>(rows * w.n));
  MatmulInput input({x.data(), rows, w.k, w.k}, ctx);
  Matmul(input, w, {y.data(), rows, w.n, w.n}, ctx, ActivationTerms::kTwo);
  return y;
}

class InterleavedWeightsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (SelectKernelTable()->matmul_interleaved == nullptr) {
      GTEST_SKIP() << "the kernels of this machine read rows as the file has them";
    }
  }
};

TEST_F(InterleavedWeightsTest, ProductsHaveTheBitsOfTheFile) {
  for (const DType dtype : {DType::kQ4_K, DType::kQ6_K, DType::kQ8_0}) {
    for (const int64_t n : {8, 9, 37, 64}) {
      OwnedWeight matrix(dtype, n, 512);
      InterleavedWeights interleaved({&matrix.w, 1}, *SelectKernelTable());
      std::vector<std::vector<float>> expected;
      for (const int64_t rows : {1, 3, 23}) {
        expected.push_back(Product(matrix.w, rows, 1, nullptr));
        EXPECT_EQ(Product(matrix.w, rows, 1, &interleaved), expected.back()) << "not filled yet";
      }
      WorkerPool pool(2);
      interleaved.Fill(pool, InPlace);
      ASSERT_NE(interleaved.Find(matrix.w), nullptr);
      // The rows that were copied are not read again.
      const auto copied = static_cast<size_t>(InterleavedWeights::StripRowsOf(matrix.w));
      std::memset(matrix.bytes.data(), 0x3c, copied * static_cast<size_t>(matrix.w.row_bytes));
      for (const int threads : {1, 2, 3}) {
        size_t next = 0;
        for (const int64_t rows : {1, 3, 23}) {
          EXPECT_EQ(Product(matrix.w, rows, threads, &interleaved), expected[next++])
              << Name(dtype) << " " << n << " x " << rows << ", " << threads << " threads";
        }
      }
    }
  }
}

TEST_F(InterleavedWeightsTest, AnEmbeddingThatIsTheHeadTooIsLookedUpInTheCopy) {
  OwnedWeight matrix(DType::kQ6_K, 21, 256);  // five rows are in no strip
  const std::vector<int32_t> tokens = {0, 7, 8, 15, 16, 20};
  const auto look_up = [&](const InterleavedWeights* interleaved) {
    WorkerPool pool(2);
    Arena arena;
    ComputeContext ctx{pool, *SelectKernelTable(), arena, MatmulMode::kInteger, 0};
    ctx.interleaved = interleaved;
    std::vector<float> out(tokens.size() * 256);
    EmbeddingLookup(matrix.w, tokens, 3.0f, {out.data(), 6, 256, 256}, ctx);
    return out;
  };
  const std::vector<float> expected = look_up(nullptr);
  InterleavedWeights interleaved({&matrix.w, 1}, *SelectKernelTable());
  WorkerPool pool(1);
  interleaved.Fill(pool, InPlace);
  std::memset(matrix.bytes.data(), 0, 16 * static_cast<size_t>(matrix.w.row_bytes));
  EXPECT_EQ(look_up(&interleaved), expected);
}

TEST_F(InterleavedWeightsTest, TakesOnlyWhatItCanAndEachByteOnce) {
  OwnedWeight whole(DType::kQ8_0, 32, 64), few(DType::kQ8_0, 7, 64), plain(DType::kF16, 16, 64);
  Weight part = whole.w, spread = whole.w;
  part.n = 8;
  part.data += 8 * part.row_bytes;  // inside `whole`
  spread.n = 8;
  spread.row_bytes *= 2;  // other rows in between
  const std::vector<Weight> all = {whole.w, whole.w, part, few.w, plain.w, spread, Weight()};
  const InterleavedWeights interleaved(all, *SelectKernelTable());
  ASSERT_EQ(interleaved.replaced().size(), 1u);
  EXPECT_EQ(interleaved.replaced()[0].data(), whole.w.data);
  EXPECT_EQ(interleaved.replaced()[0].size(), whole.bytes.size());
  EXPECT_EQ(interleaved.bytes(), static_cast<int64_t>(whole.bytes.size()));
  InterleavedWeights filled(all, *SelectKernelTable());
  WorkerPool pool(1);
  filled.Fill(pool, InPlace);
  EXPECT_NE(filled.Find(whole.w), nullptr);
  for (const Weight& w : {part, few.w, plain.w, spread, Weight()}) {
    EXPECT_EQ(filled.Find(w), nullptr);
  }
  Weight shorter = whole.w;
  shorter.n = 16;
  EXPECT_EQ(filled.Find(shorter), nullptr) << "another matrix that begins at the same byte";
  EXPECT_EQ(InterleavedWeights(all, *SupportedKernelTables()[0]).bytes(), 0) << "scalar kernels";
}

TEST_F(InterleavedWeightsTest, AnyWindowHasTheBytesOfTheWhole) {
  OwnedWeight first(DType::kQ6_K, 37, 512), second(DType::kQ8_0, 16, 96),
      third(DType::kQ4_K, 8, 256);
  const std::vector<Weight> all = {first.w, second.w, third.w};
  const InterleavedWeights interleaved(all, *SelectKernelTable());
  const auto read = [](std::span<const uint8_t> part, uint8_t* buffer) -> const uint8_t* {
    std::copy(part.begin(), part.end(), buffer);
    return buffer;
  };
  std::vector<uint8_t> whole(static_cast<size_t>(interleaved.bytes()), 0xff);
  interleaved.CopyWindow(0, whole, read);
  InterleavedWeights filled(all, *SelectKernelTable());
  WorkerPool pool(2);
  filled.Fill(pool, InPlace);
  for (const InterleavedWeights::Taken& taken : interleaved.taken()) {
    const auto rows = InterleavedWeights::StripRowsOf(taken.weight);
    EXPECT_EQ(std::memcmp(whole.data() + taken.offset, filled.Find(taken.weight),
                          static_cast<size_t>(rows * taken.weight.row_bytes)),
              0);
  }
  for (const size_t size : {1u, 63u, 1000u, 4096u, 30000u}) {
    std::vector<uint8_t> joined(whole.size(), 0xee);
    for (size_t at = 0; at < whole.size(); at += size) {
      const size_t part = std::min(size, whole.size() - at);
      interleaved.CopyWindow(static_cast<int64_t>(at), std::span(joined).subspan(at, part), read);
    }
    EXPECT_EQ(joined, whole) << "windows of " << size;
  }
  InterleavedWeights elsewhere(all, *SelectKernelTable());
  elsewhere.Use(nullptr, whole.data());
  EXPECT_EQ(Product(second.w, 3, 2, &elsewhere), Product(second.w, 3, 1, nullptr));
}

TEST_F(InterleavedWeightsTest, AnErrorWhileReadingIsPassedOn) {
  OwnedWeight matrix(DType::kQ4_K, 64, 512);
  InterleavedWeights interleaved({&matrix.w, 1}, *SelectKernelTable());
  WorkerPool pool(2);
  const auto fail = [](std::span<const uint8_t>, uint8_t*) -> const uint8_t* {
    throw std::runtime_error("gone");
  };
  EXPECT_THROW(interleaved.Fill(pool, fail), std::runtime_error);
  EXPECT_EQ(interleaved.Find(matrix.w), nullptr);
}

}  // namespace
}  // namespace tael
