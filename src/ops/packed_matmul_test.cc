// The integer product of packed matrices against its float product, within the bound of
// docs/numerics.md; and the same bits whatever the table, the threads and the rows beside.
#include "ops/packed_matmul.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "ops/decode_rows.h"
#include "ops/rms_norm.h"
#include "quant/packed_test_support.h"

namespace tael {
namespace {

const KernelTable& Scalar() { return *SupportedKernelTables()[0]; }

struct Run {
  int threads = 1;
  bool integer = true;
  ActivationTerms terms = ActivationTerms::kOne;
  const KernelTable* kernels = SelectKernelTable();
};

std::vector<float> Product(const Weight& w, const std::vector<float>& x, const Run& run) {
  WorkerPool pool(run.threads);
  Arena arena;
  ComputeContext ctx{pool, *run.kernels, arena};
  ctx.matmul = run.integer ? MatmulMode::kInteger : MatmulMode::kFloat;
  ctx.worth_a_thread = 1;
  const int64_t rows = static_cast<int64_t>(x.size()) / w.k;
  std::vector<float> y(static_cast<size_t>(rows * w.n));
  MatmulInput input({x.data(), rows, w.k, w.k}, ctx);
  Matmul(input, w, {y.data(), rows, w.n, w.n}, ctx, run.terms);
  return y;
}

std::vector<float> Activations(int64_t rows, int64_t k) {
  std::mt19937 rng(static_cast<unsigned>(k));
  std::vector<float> x(static_cast<size_t>(rows * k));
  for (float& v : x) v = static_cast<float>(rng()) * 0x1p-31f - 1.0f;
  return x;
}

Weight Whole(const PackedExample& example) {
  Weight w{.n = example.matrix.n, .k = example.matrix.k};
  w.packed = std::make_shared<const PackedMatrix>(example.matrix);
  return w;
}

// Half a step of the activations of 32 inputs, which the largest magnitude of the row bounds.
double Bound(const Weight& w, const float* x, int64_t n, double terms) {
  std::vector<float> row(static_cast<size_t>(w.k));
  DecodeRows(w, n, 1, Scalar(), row.data());
  double magnitude = 0, weights = 0;
  for (int64_t i = 0; i < w.k; ++i) {
    magnitude = std::fmax(magnitude, std::fabs(x[i]));
    weights += std::fabs(row[static_cast<size_t>(i)]);
  }
  const double rounding = static_cast<double>(w.k) * 0x1p-24;
  return weights * magnitude * (0.501 * std::pow(127.0, -terms) + rounding) + 1e-30;
}

TEST(PackedMatmul, IntegerProductIsWithinItsBoundOfTheFloatProduct) {
  for (const PackedExample& example : PackedExamples()) {
    const Weight w = Whole(example);
    if (MatmulFormOf(w, MatmulMode::kInteger) != MatmulForm::kCodes) continue;
    const std::vector<float> x = Activations(5, w.k), exact = Product(w, x, {.integer = false});
    for (const ActivationTerms terms : {ActivationTerms::kOne, ActivationTerms::kTwo}) {
      const std::vector<float> y = Product(w, x, {.terms = terms});
      for (int64_t i = 0; i < 5; ++i) {
        for (int64_t j = 0; j < w.n; ++j) {
          const double bound =
              Bound(w, x.data() + i * w.k, j, terms == ActivationTerms::kOne ? 1 : 2);
          const auto at = static_cast<size_t>(i * w.n + j);
          ASSERT_NEAR(y[at], exact[at], bound) << example.name << " " << i << " " << j;
        }
      }
    }
  }
}

TEST(PackedMatmul, ThreadsTablesRowsBesideAndPartsOfTheMatrixDoNotShow) {
  for (const PackedExample& example : PackedExamples()) {
    const Weight w = Whole(example);
    if (MatmulFormOf(w, MatmulMode::kInteger) != MatmulForm::kCodes) continue;
    const std::vector<float> x = Activations(6, w.k);
    for (const ActivationTerms terms : {ActivationTerms::kOne, ActivationTerms::kTwo}) {
      const std::vector<float> y = Product(w, x, {.terms = terms});
      EXPECT_EQ(Product(w, x, {.threads = 3, .terms = terms}), y) << example.name;
      EXPECT_EQ(Product(w, x, {.terms = terms, .kernels = &Scalar()}), y) << example.name;
      const std::vector<float> last(x.end() - w.k, x.end());
      EXPECT_EQ(Product(w, last, {.terms = terms}), std::vector<float>(y.end() - w.n, y.end()));
      Weight odd = w;
      odd.first_row = 1;
      odd.row_step = 2;
      odd.n = w.n / 2;
      const std::vector<float> part = Product(odd, x, {.threads = 2, .terms = terms});
      for (int64_t j = 0; j < odd.n; ++j) {
        EXPECT_EQ(part[static_cast<size_t>(j)], y[static_cast<size_t>(2 * j + 1)]) << example.name;
      }
    }
  }
}

// What a first product quantises is kept for others of the same input, whatever is allocated next.
TEST(PackedMatmul, ASecondProductOfOneInputIsThatOfAnInputOfItsOwn) {
  for (const PackedExample& example : PackedExamples()) {
    const Weight w = Whole(example);
    if (MatmulFormOf(w, MatmulMode::kInteger) != MatmulForm::kCodes) continue;
    const std::vector<float> x = Activations(5, w.k);
    for (const ActivationTerms terms : {ActivationTerms::kOne, ActivationTerms::kTwo}) {
      WorkerPool pool(2);
      Arena arena;
      ComputeContext ctx{pool, *SelectKernelTable(), arena};
      ctx.worth_a_thread = 1;
      MatmulInput input({x.data(), 5, w.k, w.k}, ctx);
      const MatrixView<float> first = NewMatrix(5, w.n, ctx);
      Matmul(input, w, first, ctx, terms);
      const MatrixView<float> between = NewMatrix(64, w.k, ctx);
      std::fill_n(between.data, 64 * w.k, 3.0f);
      const MatrixView<float> second = NewMatrix(5, w.n, ctx);
      Matmul(input, w, second, ctx, terms);
      const std::vector<float> alone = Product(w, x, {.terms = terms});
      EXPECT_EQ(std::vector<float>(second.data, second.data + 5 * w.n), alone) << example.name;
    }
  }
}

TEST(PackedMatmul, WhatHasNoIntegerFormKeepsTheFloatPath) {
  int decoded = 0;
  for (const PackedExample& example : PackedExamples()) {
    const Weight w = Whole(example);
    if (MatmulFormOf(w, MatmulMode::kInteger) == MatmulForm::kCodes) continue;
    ++decoded;
    const std::vector<float> x = Activations(2, w.k);
    const std::vector<float> y = Product(w, x, {}), exact = Product(w, x, {.integer = false});
    // Bits: some of these values are NaN.
    EXPECT_EQ(std::memcmp(y.data(), exact.data(), y.size() * sizeof(float)), 0) << example.name;
  }
  EXPECT_GT(decoded, 5);
  const PackedExample fp8 = ByteExample(DType::kF8E4M3, DType::kF32, 1, 64, false, 64);
  EXPECT_EQ(MatmulFormOf(Whole(fp8), MatmulMode::kInteger), MatmulForm::kDecoded);
  const PackedExample wide = WordExample(8, 32, false, true, false, 64);
  EXPECT_EQ(MatmulFormOf(Whole(wide), MatmulMode::kInteger), MatmulForm::kDecoded);
  const PackedExample uneven = WordExample(4, 32, true, true, true);
  EXPECT_EQ(MatmulFormOf(Whole(uneven), MatmulMode::kInteger), MatmulForm::kDecoded);
}

}  // namespace
}  // namespace tael
