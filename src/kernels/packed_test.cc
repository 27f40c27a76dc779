// Every table decodes packed matrices to the same bits as the plain decoders.
#include "quant/packed_test_support.h"

#include "kernels/kernel_test_support.h"

namespace tael {
namespace {

class PackedTest : public KernelTest {};

TEST_P(PackedTest, EqualsThePlainDecodersBitForBit) {
  for (const PackedExample& example : PackedExamples()) {
    const PackedMatrix& m = example.matrix;
    std::vector<float> wanted(static_cast<size_t>(m.n * m.k)), found(wanted.size(), 99.0f);
    DecodePacked(m, {.first = 0, .count = m.n}, kPlainDecoders, wanted.data());
    DecodePacked(m, {.first = 0, .count = m.n}, GetParam()->packed, found.data());
    EXPECT_EQ(FirstDifference(found, wanted), -1) << example.name;
  }
}

TAEL_FOR_ALL_TABLES(PackedTest);

}  // namespace
}  // namespace tael
