// What is chosen for products, worked out by hand; that no choice changes a bit is shown by
// ops_test.cc and the hash grid, which compare shapes and numbers of threads.
#include "ops/matmul_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include "runtime/worker_pool.h"

namespace tael {
namespace {

Weight MakeWeight(DType dtype, int64_t n, int64_t k) {
  return {.dtype = dtype, .n = n, .k = k, .row_bytes = *StorageBytes(dtype, k)};
}

Weight Packed(const PackedMatrix& matrix) {
  Weight w{.n = matrix.n, .k = matrix.k};
  w.packed = std::make_shared<const PackedMatrix>(matrix);
  return w;
}

TEST(MatmulPlan, FloatRowsAreSplitWhereThreadsAreWorthIt) {
  const MatmulMachine machine{.threads = 4, .worth_a_thread = 50'000};
  // 1000 multiply-adds per row, and reading it counts like 3000.
  const MatmulPlan plan = PlanMatmul(MakeWeight(DType::kF16, 200, 1000), 1, machine);
  EXPECT_EQ(plan, (MatmulPlan{.form = MatmulForm::kFloat, .grain = 16, .parts = 4}));
  EXPECT_EQ(PlanMatmul(MakeWeight(DType::kF16, 24, 1000), 1, machine).parts, 2);
  EXPECT_EQ(PlanMatmul(MakeWeight(DType::kF16, 16, 1000), 1, machine).parts, 1);
  EXPECT_EQ(PlanMatmul(MakeWeight(DType::kF16, 16, 1000), 80, machine).parts, 1);  // one unit
}

// Every row once, in order, and parts as equal as whole units allow.
void CheckCut(const std::vector<RowShare>& shares, const MatmulMachine& machine) {
  const SharedCut cut(shares, machine);
  ASSERT_GE(cut.parts(), 1);
  ASSERT_LE(cut.parts(), machine.threads);
  std::vector<int64_t> next(shares.size(), 0);
  double total = 0, unit = 0;
  for (const RowShare& share : shares) {
    total += static_cast<double>(share.rows * share.cost);
    unit = std::max(unit, 16.0 * static_cast<double>(share.cost));
  }
  for (int64_t part = 0; part < cut.parts(); ++part) {
    double cost = 0;
    for (size_t i = 0; i < shares.size(); ++i) {
      const auto [begin, end] = cut.RowsOf(part, i);
      EXPECT_EQ(begin, next[i]);
      EXPECT_LE(begin, end);
      EXPECT_TRUE(end == shares[i].rows || end % 16 == 0) << end;
      next[i] = end;
      cost += static_cast<double>((end - begin) * shares[i].cost);
    }
    EXPECT_LE(cost, total / static_cast<double>(cut.parts()) + 1.01 * unit);
  }
  for (size_t i = 0; i < shares.size(); ++i) EXPECT_EQ(next[i], shares[i].rows);
}

TEST(SharedCut, GivesEveryRowToOnePart) {
  for (const int threads : {1, 2, 3, 5, 16, 64, 192}) {
    for (const int64_t worth : {0, 50'000}) {
      const MatmulMachine machine{.threads = threads, .worth_a_thread = worth};
      CheckCut({{2048, 4096}}, machine);
      CheckCut({{2048, 1024}, {1024, 2048}, {1024, 2048}}, machine);  // q, k and v of two terms
      CheckCut({{1, 7}, {15, 7}, {16, 7}, {17, 7}, {33, 100'000}}, machine);
      CheckCut(std::vector<RowShare>(128, {768, 2048}), machine);
      CheckCut({{5, 0}}, machine);
    }
  }
}

TEST(SharedCut, TakesPartsOnlyWhereTheyAreWorthAThread) {
  const MatmulMachine machine{.threads = 8, .worth_a_thread = 50'000};
  const std::vector<RowShare> small = {{64, 100}, {64, 100}}, large = {{64, 10'000}};
  EXPECT_EQ(SharedCut(small, machine).parts(), 1);  // alone or together
  EXPECT_EQ(SharedCut(large, machine).parts(), 4);  // units
}

TEST(MatmulPlan, BlocksAreReadFromStripsWhereThereAreSome) {
  const Weight w = MakeWeight(DType::kQ4_K, 21, 512);
  const MatmulPlan rows = PlanMatmul(w, 1, {.threads = 2});
  EXPECT_EQ(rows.source, WeightSource::kRows);
  EXPECT_EQ(rows.strip_rows, 0);
  EXPECT_EQ(rows.activation_block, 256u);
  const MatmulPlan strips = PlanMatmul(w, 1, {.threads = 2, .strips = true});
  EXPECT_EQ(strips.source, WeightSource::kStrips);
  EXPECT_EQ(strips.strip_rows, 16);  // the last five stay in the file
  EXPECT_EQ(strips.grain, rows.grain);
}

TEST(MatmulPlan, FloatModeDecodesBlocksAFewRowsAtATime) {
  const Weight w = MakeWeight(DType::kQ4_K, 4096, 1024);
  const MatmulMachine machine{.threads = 2, .mode = MatmulMode::kFloat};
  const MatmulPlan few = PlanMatmul(w, 3, machine), many = PlanMatmul(w, 4, machine);
  EXPECT_EQ(few.source, WeightSource::kDecoded);
  EXPECT_EQ(few.activation_block, 0u);
  EXPECT_EQ(few.together, 6);
  EXPECT_EQ(many.together, 16);
  EXPECT_EQ(few.scratch_rows, many.scratch_rows);
  EXPECT_EQ(few.parts, 2);
  Weight columns = MakeWeight(DType::kBF16, 4096, 1024);
  columns.element_bytes = 2 * 4096;
  EXPECT_EQ(PlanMatmul(columns, 1, machine).together, 16);
}

TEST(MatmulPlan, TheModeOfBf16IsThatOfIntegersForAllOtherWeights) {
  const MatmulMachine machine{.threads = 2, .mode = MatmulMode::kBf16};
  const MatmulPlan plan = PlanMatmul(MakeWeight(DType::kBF16, 64, 1024), 3, machine);
  EXPECT_EQ(plan.form, MatmulForm::kBf16);
  EXPECT_EQ(plan.source, WeightSource::kRows);
  EXPECT_EQ(ToText(plan), "bf16, rows, 2 parts");
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kQ4_K}) {
    const Weight w = MakeWeight(dtype, 64, 1024);
    EXPECT_EQ(PlanMatmul(w, 3, machine), PlanMatmul(w, 3, {.threads = 2}));
  }
  Weight columns = MakeWeight(DType::kBF16, 4096, 1024);
  columns.element_bytes = 2 * 4096;
  EXPECT_EQ(PlanMatmul(columns, 1, machine).form, MatmulForm::kDecoded);
}

TEST(MatmulPlan, Float8IsDecodedInRegistersForFewRows) {
  const ByteCodes codes{.dtype = DType::kF8E4M3, .column_span = 128};
  const Weight w = Packed({.n = 256, .k = 128, .codes = codes, .form = ""});
  EXPECT_EQ(PlanMatmul(w, 3, {}).source, WeightSource::kRegisters);
  EXPECT_EQ(PlanMatmul(w, 4, {}).source, WeightSource::kDecoded);
}

TEST(MatmulPlan, PackedFormsBecomeCodeBlocks) {
  const Weight w = Packed({.n = 64, .k = 128, .codes = Fp4Codes{.group_size = 32}, .form = ""});
  const MatmulPlan plan = PlanMatmul(w, 2, {.threads = 2});
  EXPECT_EQ(plan.form, MatmulForm::kCodes);
  EXPECT_EQ(plan.source, WeightSource::kCodes);
  EXPECT_EQ(plan.activation_block, 32u);
  EXPECT_EQ(plan.together, 16);
  EXPECT_EQ(PlanMatmul(w, 2, {.mode = MatmulMode::kFloat}).form, MatmulForm::kDecoded);
}

TEST(MatmulPlan, PartsAreThoseOfTheLoop) {
  for (int threads = 1; threads <= 5; ++threads) {
    WorkerPool pool(threads);
    for (int64_t count = 1; count <= 40; ++count) {
      for (const int64_t grain : {1, 3, 16}) {
        std::atomic<int64_t> parts = 0;
        pool.ParallelFor(count, grain, [&](int64_t, int64_t) { ++parts; });
        EXPECT_EQ(WorkerPool::PartsOf(count, grain, threads), parts) << count << " " << grain;
      }
    }
  }
}

TEST(MatmulPlan, IsPrintable) {
  const Weight w = MakeWeight(DType::kQ4_K, 2048, 2048);
  EXPECT_EQ(ToText(PlanMatmul(w, 1, {.threads = 2, .strips = true})),
            "int8 in blocks of 256, strips, 2 parts");
  const MatmulMachine told{.strips = true, .tiling = [](DType, size_t m) noexcept {
                             return StripTiling{32, 256, m, m > 9};
                           }};
  EXPECT_EQ(ToText(PlanMatmul(w, 4, told)),
            "int8 in blocks of 256, strips in tiles of 32 x 256, 4 at a time, 1 part");
  EXPECT_EQ(ToText(PlanMatmul(w, 64, told)),
            "int8 in blocks of 256, strips in panels of 32 x 256, 64 at a time, 1 part");
  EXPECT_EQ(ToText(PlanMatmul(w, 1, {.mode = MatmulMode::kFloat})),
            "float32, decoded by 6, 1 part");
}

}  // namespace
}  // namespace tael
