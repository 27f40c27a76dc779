// What is chosen for products, worked out by hand; that no choice changes a bit is shown by
// ops_test.cc and the hash grid, which compare shapes and numbers of threads.
#include "ops/matmul_plan.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>

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
  // 1000 multiply-adds per row: 50 rows are worth a thread, 64 in whole units.
  const MatmulPlan plan = PlanMatmul(MakeWeight(DType::kF16, 200, 1000), 1, machine);
  EXPECT_EQ(plan, (MatmulPlan{.form = MatmulForm::kFloat, .grain = 64, .parts = 4}));
  EXPECT_EQ(PlanMatmul(MakeWeight(DType::kF16, 64, 1000), 1, machine).parts, 1);
  EXPECT_EQ(PlanMatmul(MakeWeight(DType::kF16, 64, 1000), 8, machine).grain, 16);
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
  const MatmulMachine machine{.threads = 2, .integer_matmul = false};
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
  EXPECT_EQ(PlanMatmul(w, 2, {.integer_matmul = false}).form, MatmulForm::kDecoded);
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
  EXPECT_EQ(ToText(PlanMatmul(w, 1, {.integer_matmul = false})), "float32, decoded by 6, 1 part");
}

}  // namespace
}  // namespace tael
