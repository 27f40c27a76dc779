// Several residual streams: against the formulas in double precision, row by row the same bits.
#include "nn/residual.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ops/rms_norm.h"
#include "tests/support/random_floats.h"

namespace tael {
namespace {

constexpr int kStreams = 3, kWidth = 10, kRows = 5, kOutputs = kStreams * (2 + kStreams);
constexpr float kEps = 1e-3f, kNormEps = 1e-5f;  // large enough to be felt
constexpr ResidualSpec kSpec{.streams = kStreams, .balancing_steps = 4, .eps = kEps};

// Random mixing weights with `outputs` rows.
struct Streams {
  std::vector<float> matrix;
  StreamWeights weights;

  explicit Streams(int outputs) : matrix(RandomFloats(int64_t{outputs} * kStreams * kWidth, 1)) {
    weights.mix = {.dtype = DType::kF32,
                   .n = outputs,
                   .k = kStreams * kWidth,
                   .data = reinterpret_cast<const uint8_t*>(matrix.data()),
                   .row_bytes = kStreams * kWidth * 4};
    weights.base = RandomFloats(outputs, 2);
    weights.scale = {0.7f, 1.1f, 1.3f};
  }

  // mix . (x / rms(x)) * scale + base of one row.
  std::vector<double> Products(const float* x) const {
    double squares = 0;
    for (int i = 0; i < kStreams * kWidth; ++i) squares += static_cast<double>(x[i]) * x[i];
    const double r = 1 / std::sqrt(squares / (kStreams * kWidth) + static_cast<double>(kNormEps));
    std::vector<double> out;
    for (int64_t o = 0; o < weights.mix.n; ++o) {
      double sum = 0;
      for (int i = 0; i < kStreams * kWidth; ++i) {
        sum += static_cast<double>(matrix[static_cast<size_t>(o * kStreams * kWidth + i)]) * x[i];
      }
      const auto part = static_cast<size_t>(std::min<int64_t>(o / kStreams, 2));
      out.push_back(sum * r * static_cast<double>(weights.scale[part]) +
                    static_cast<double>(weights.base[static_cast<size_t>(o)]));
    }
    return out;
  }
};

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// What a row of the streams becomes, and what the part reads of it.
struct Expected {
  std::vector<double> input, streams;
};

Expected Reference(const Streams& streams, const float* x, const float* result) {
  const std::vector<double> products = streams.Products(x);
  const double eps = static_cast<double>(kEps);
  double m[kStreams][kStreams];
  for (int j = 0; j < kStreams; ++j) {
    double sum = 0;
    for (int k = 0; k < kStreams; ++k) {
      sum += m[j][k] = std::exp(products[static_cast<size_t>(2 * kStreams + j * kStreams + k)]);
    }
    for (double& value : m[j]) value = value / sum + eps;
  }
  for (int step = 0; step < 2 * kSpec.balancing_steps - 1; ++step) {
    for (int a = 0; a < kStreams; ++a) {
      double sum = eps;
      for (int b = 0; b < kStreams; ++b) sum += step % 2 == 0 ? m[b][a] : m[a][b];
      for (int b = 0; b < kStreams; ++b) (step % 2 == 0 ? m[b][a] : m[a][b]) /= sum;
    }
  }
  Expected out{std::vector<double>(kWidth), std::vector<double>(kStreams * kWidth)};
  for (int d = 0; d < kWidth; ++d) {
    for (int j = 0; j < kStreams; ++j) {
      out.input[static_cast<size_t>(d)] +=
          (Sigmoid(products[static_cast<size_t>(j)]) + eps) * x[j * kWidth + d];
    }
    for (int k = 0; k < kStreams; ++k) {
      double& to = out.streams[static_cast<size_t>(k * kWidth + d)];
      to = 2 * Sigmoid(products[static_cast<size_t>(kStreams + k)]) * result[d];
      for (int j = 0; j < kStreams; ++j) to += m[j][k] * x[j * kWidth + d];
    }
  }
  return out;
}

class ResidualTest : public testing::Test {
 protected:
  // Rows [first, first + count) pass one part of a layer; its input is appended to `inputs`.
  void Pass(int64_t first, int64_t count, int threads, std::vector<float>* hidden,
            std::vector<float>* inputs) {
    WorkerPool pool(threads);
    Arena arena;
    ComputeContext ctx{pool, *SelectKernelTable(), arena, MatmulMode::kInteger, 0};
    const int64_t width = kStreams * kWidth;
    const MatrixView<float> rows{hidden->data() + first * width, count, width, width};
    Residual residual(kSpec, streams_.weights, kNormEps, rows, ctx);
    const MatrixView<const float> input = residual.Input();
    inputs->insert(inputs->end(), input.data, input.data + count * kWidth);
    residual.Add({results_.data() + first * kWidth, count, kWidth, kWidth});
  }

  const Streams streams_{kOutputs};
  const std::vector<float> hidden_ = RandomFloats(kRows * kStreams * kWidth, 3);
  const std::vector<float> results_ = RandomFloats(kRows * kWidth, 4);
};

TEST_F(ResidualTest, MixesStreamsAsTheFormulasSay) {
  std::vector<float> hidden = hidden_, inputs;
  Pass(0, kRows, 2, &hidden, &inputs);
  for (int t = 0; t < kRows; ++t) {
    const Expected expected =
        Reference(streams_, hidden_.data() + t * kStreams * kWidth, results_.data() + t * kWidth);
    for (int d = 0; d < kWidth; ++d) {
      ASSERT_NEAR(inputs[static_cast<size_t>(t * kWidth + d)],
                  expected.input[static_cast<size_t>(d)], 2e-6);
    }
    for (int i = 0; i < kStreams * kWidth; ++i) {
      ASSERT_NEAR(hidden[static_cast<size_t>(t * kStreams * kWidth + i)],
                  expected.streams[static_cast<size_t>(i)], 2e-6);
    }
  }
}

TEST_F(ResidualTest, GivesARowTheSameBitsInAnyCompany) {
  std::vector<float> together = hidden_, single = hidden_, inputs, single_inputs;
  Pass(0, kRows, 3, &together, &inputs);
  for (int t = 0; t < kRows; ++t) Pass(t, 1, 1, &single, &single_inputs);
  EXPECT_EQ(together, single);
  EXPECT_EQ(inputs, single_inputs);
}

TEST(Residual, WithOneStreamIsAnAddition) {
  WorkerPool pool(2);
  Arena arena;
  ComputeContext ctx{pool, *SelectKernelTable(), arena, MatmulMode::kInteger, 0};
  std::vector<float> hidden = {1, 2, 3, 4};
  const std::vector<float> result = {10, 20, 30, 40};
  Residual residual({}, {}, kNormEps, {hidden.data(), 2, 2, 2}, ctx);
  EXPECT_EQ(residual.Input().data, hidden.data());
  residual.Add({result.data(), 2, 2, 2});
  EXPECT_EQ(hidden, (std::vector<float>{11, 22, 33, 44}));
  EXPECT_EQ(JoinStreams({}, {}, kNormEps, {hidden.data(), 2, 2, 2}, ctx).data, hidden.data());
}

TEST(Residual, StreamsBeginAsCopiesAndEndAsAGatedSum) {
  WorkerPool pool(2);
  Arena arena;
  ComputeContext ctx{pool, *SelectKernelTable(), arena, MatmulMode::kInteger, 0};
  const Streams end(kStreams);
  std::vector<float> rows = RandomFloats(kRows * kWidth, 5);
  const MatrixView<float> hidden =
      SpreadOverStreams(kSpec, {rows.data(), kRows, kWidth, kWidth}, ctx);
  const MatrixView<float> joined = JoinStreams(kSpec, end.weights, kNormEps, hidden, ctx);
  for (int t = 0; t < kRows; ++t) {
    // The end has one scale for all rows; Products() takes the first for the first rows.
    const std::vector<double> products = end.Products(hidden.row(t));
    double factor = 0;
    for (int j = 0; j < kStreams; ++j) {
      factor += Sigmoid(products[static_cast<size_t>(j)]) + static_cast<double>(kEps);
    }
    for (int d = 0; d < kWidth; ++d) {
      EXPECT_EQ(hidden.row(t)[2 * kWidth + d], rows[static_cast<size_t>(t * kWidth + d)]);
      EXPECT_NEAR(joined.row(t)[d], factor * rows[static_cast<size_t>(t * kWidth + d)], 2e-6);
    }
  }
}

}  // namespace
}  // namespace tael
