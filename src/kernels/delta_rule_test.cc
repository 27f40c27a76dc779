// The gated delta rule of every table: against double arithmetic, and bit for bit against scalar.
#include <algorithm>

#include "kernels/kernel_test_support.h"

namespace tael {
namespace {

using DeltaRuleTest = KernelTest;
TAEL_FOR_ALL_TABLES(DeltaRuleTest);

struct Head {
  size_t dk, dv;
  std::vector<float> state, out;

  Head(size_t key_dim, size_t value_dim)
      : dk(key_dim), dv(value_dim), state(RandomFloats(dk * dv, 1)), out(dv) {}

  DeltaRuleArgs Args(const std::vector<float>& q, const std::vector<float>& k,
                     const std::vector<float>& v) {
    return {.state = state.data(),
            .query = q.data(),
            .key = k.data(),
            .value = v.data(),
            .out = out.data(),
            .key_dim = dk,
            .value_dim = dv,
            .decay = 0.75f,
            .beta = 0.3f};
  }
};

constexpr std::pair<size_t, size_t> kShapes[] = {{1, 1},  {5, 3},  {16, 4},  {17, 9},
                                                 {33, 7}, {64, 8}, {128, 6}, {130, 13}};

TEST_P(DeltaRuleTest, ForgetsLearnsAndAnswersLikeTheFormula) {
  for (const auto& [dk, dv] : kShapes) {
    SCOPED_TRACE(testing::Message() << dk << " x " << dv);
    const auto q = RandomFloats(dk, 2), k = RandomFloats(dk, 3), v = RandomFloats(dv, 4);
    Head head(dk, dv);
    const std::vector<float> before = head.state;
    GetParam()->delta_rule(head.Args(q, k, v));
    for (size_t i = 0; i < dv; ++i) {
      double recalled = 0, answer = 0;
      for (size_t j = 0; j < dk; ++j) {
        recalled += 0.75 * static_cast<double>(before[i * dk + j]) * static_cast<double>(k[j]);
      }
      const double learned = 0.3 * (static_cast<double>(v[i]) - recalled);
      for (size_t j = 0; j < dk; ++j) {
        const double s =
            0.75 * static_cast<double>(before[i * dk + j]) + learned * static_cast<double>(k[j]);
        EXPECT_NEAR(static_cast<double>(head.state[i * dk + j]), s, 3e-6);
        answer += s * static_cast<double>(q[j]);
      }
      EXPECT_NEAR(static_cast<double>(head.out[i]), answer, 3e-5);
    }
  }
}

TEST_P(DeltaRuleTest, HasTheBitsOfScalarOverManyTokens) {
  for (const auto& [dk, dv] : kShapes) {
    SCOPED_TRACE(testing::Message() << dk << " x " << dv);
    Head head(dk, dv), scalar(dk, dv);
    for (unsigned t = 0; t < 9; ++t) {
      const auto q = RandomFloats(dk, 10 + t), k = RandomFloats(dk, 20 + t);
      const auto v = t == 8 ? SpecialFloats(dv, 30) : RandomFloats(dv, 30 + t);
      GetParam()->delta_rule(head.Args(q, k, v));
      ScalarTable().delta_rule(scalar.Args(q, k, v));
      ASSERT_EQ(FirstDifference(head.state, scalar.state), -1);
      ASSERT_EQ(FirstDifference(head.out, scalar.out), -1);
    }
  }
}

TEST_P(DeltaRuleTest, SiluAndSigmoidHaveTheBitsOfScalarAndTheirValues) {
  for (size_t n = 1; n <= 67; ++n) {
    const auto gate = SpecialFloats(n, 5), x = SpecialFloats(n, 6);
    std::vector<float> a(n), b(n);
    GetParam()->silu(x.data(), n, a.data());
    ScalarTable().silu(x.data(), n, b.data());
    ASSERT_EQ(FirstDifference(a, b), -1);
    GetParam()->sigmoid_multiply(gate.data(), x.data(), n, a.data());
    ScalarTable().sigmoid_multiply(gate.data(), x.data(), n, b.data());
    ASSERT_EQ(FirstDifference(a, b), -1);
  }
  const auto gate = RandomFloats(50, 7, 6.0f), x = RandomFloats(50, 8, 6.0f);
  std::vector<float> silu(50), product(50);
  GetParam()->silu(x.data(), 50, silu.data());
  GetParam()->sigmoid_multiply(gate.data(), x.data(), 50, product.data());
  for (size_t i = 0; i < 50; ++i) {
    const auto v = static_cast<double>(x[i]), g = static_cast<double>(gate[i]);
    EXPECT_NEAR(static_cast<double>(silu[i]), v / (1 + std::exp(-v)), 2e-6);
    EXPECT_NEAR(static_cast<double>(product[i]), v / (1 + std::exp(-g)), 2e-6);
  }
}

}  // namespace
}  // namespace tael
