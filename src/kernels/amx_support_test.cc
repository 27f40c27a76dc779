#if defined(__x86_64__)
#include "kernels/amx_support.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <vector>

#include "kernels/amx_emulation_test_support.h"
#include "kernels/amx_trap_test_support.h"
#include "kernels/forced_isa.h"
#include "kernels/kernel_test_support.h"

namespace tael {
namespace {

using testing::HasSubstr;

AmxFacts SapphireRapids() {
  return {.avx512 = true,
          .features = 1u << 24 | 1u << 25,
          .saved_states = 0x602e7,
          .tiles = 8,
          .rows = 16,
          .row_bytes = 64};
}

TEST(AmxSupportTest, EachFactIsNeededAndNamed) {
  EXPECT_EQ(MissingForAmx(SapphireRapids()), nullptr);
  AmxFacts facts = SapphireRapids();
  facts.avx512 = false;
  EXPECT_THAT(MissingForAmx(facts), HasSubstr("AVX-512"));
  facts = SapphireRapids();
  facts.features = 1u << 25;
  EXPECT_THAT(MissingForAmx(facts), HasSubstr("amx_tile"));
  facts.features = 1u << 24;
  EXPECT_THAT(MissingForAmx(facts), HasSubstr("amx_int8"));
  for (const uint64_t states : {0x002e7, 0x202e7, 0x402e7}) {
    facts = SapphireRapids();
    facts.saved_states = states;
    EXPECT_THAT(MissingForAmx(facts), HasSubstr("XCR0"));
  }
  facts = SapphireRapids();
  facts.rows = 8;
  EXPECT_THAT(MissingForAmx(facts), HasSubstr("smaller"));
  for (const int error : {EPERM, EINVAL, ENOSPC}) {
    facts = SapphireRapids();
    facts.permission_error = error;
    EXPECT_THAT(MissingForAmx(facts), HasSubstr(error == ENOSPC ? "stack" : "arch_prctl"));
  }
}

// The one in table_amx_trapped_test.cc says whether the rest of the product runs here.
TEST(AmxSupportTest, TheTrialProductFindsAWrongUnit) {
  if (AmxTrappedTable() == nullptr) GTEST_SKIP() << "needs AVX-512, and no AMX";
  const TrapTileInstructions trap;
  EXPECT_TRUE(TilesMultiplyRightly());
  TileUnit::Mine().BreakProducts(true);
  EXPECT_FALSE(TilesMultiplyRightly());
  TileUnit::Mine().BreakProducts(false);
  EXPECT_TRUE(TilesMultiplyRightly());
  EXPECT_STREQ(TileUnit::Mine().TakeFault(), nullptr);
}

TEST(AmxSupportTest, AForcedTableThatIsMissingSaysWhatItLacks) {
  const char* before = std::getenv("TAEL_FORCE_ISA");
  const std::string saved = before != nullptr ? before : "";
  setenv("TAEL_FORCE_ISA", "amx", 1);
  const char* missing = MissingForAmx(ReadAmxFacts(/*avx512=*/true));
  if (missing != nullptr) {
    EXPECT_EQ(SelectKernelTable(), nullptr);
    EXPECT_THAT(WhyNoKernelTable(), testing::AnyOf(testing::StrEq(missing), HasSubstr("AMX")));
  } else {
    ASSERT_NE(SelectKernelTable(), nullptr) << WhyNoKernelTable();
    EXPECT_STREQ(SelectKernelTable()->name, "amx");
  }
  setenv("TAEL_FORCE_ISA", "amy", 1);
  EXPECT_THAT(WhyNoKernelTable(), HasSubstr("unknown"));
  unsetenv("TAEL_FORCE_ISA");
  if (before != nullptr) setenv("TAEL_FORCE_ISA", saved.c_str(), 1);
}

// The emulation itself, against numbers worked out by hand.
class TileUnitTest : public testing::Test {
 protected:
  // Tile 0: 2 x 2 ints, tile 1: 2 x 8 bytes, tile 2: 2 x 8 bytes.
  void Configure() {
    uint8_t config[64] = {1};
    for (const size_t tile : {0, 1, 2}) {
      config[16 + 2 * tile] = 8;
      config[48 + tile] = 2;
    }
    unit_.Configure(config);
  }
  TileUnit unit_;
};

TEST_F(TileUnitTest, AddsProductsInFours) {
  Configure();
  const int8_t left[2][8] = {{1, 2, 3, 4, 5, 6, 7, 8}, {-1, 0, 0, 0, 0, 0, 0, -1}};
  const int8_t right[2][8] = {{1, 1, 1, 1, 10, 0, 0, 0}, {1, 1, 1, 1, 0, 0, 0, -2}};
  int32_t sums[2][2] = {{100, 0}, {0, 0}};
  unit_.Load(0, sums, 8);
  unit_.Load(1, left, 8);
  unit_.Load(2, right, 8);
  unit_.Multiply(0, 1, 2, true, true);
  unit_.Store(0, sums, 8);
  EXPECT_THAT(std::vector<int32_t>(&sums[0][0], &sums[0][0] + 4),
              testing::ElementsAre(136, 10 - 16, -2, -10 + 2));
  unit_.Zero(0);
  unit_.Multiply(0, 1, 2, true, false);  // -2 is 254
  unit_.Store(0, sums, 8);
  EXPECT_THAT(std::vector<int32_t>(&sums[0][0], &sums[0][0] + 4),
              testing::ElementsAre(36, 10 + 8 * 254, -2, -10 - 254));
  EXPECT_STREQ(unit_.TakeFault(), nullptr);
}

TEST_F(TileUnitTest, RecordsWhatAProcessorWouldRefuse) {
  unit_.Zero(0);
  EXPECT_THAT(unit_.TakeFault(), HasSubstr("not configured"));
  Configure();
  unit_.Zero(3);
  EXPECT_THAT(unit_.TakeFault(), HasSubstr("not configured"));
  unit_.Multiply(0, 1, 1, true, true);
  EXPECT_THAT(unit_.TakeFault(), HasSubstr("two operands"));
  uint8_t config[64] = {1};
  config[16] = 65;
  config[48] = 1;
  unit_.Configure(config);
  EXPECT_THAT(unit_.TakeFault(), HasSubstr("too large"));
  config[16] = 0;
  unit_.Configure(config);
  EXPECT_THAT(unit_.TakeFault(), HasSubstr("only"));
  config[48] = 0;
  config[5] = 1;
  unit_.Configure(config);
  EXPECT_THAT(unit_.TakeFault(), HasSubstr("reserved"));
}

}  // namespace
}  // namespace tael
#endif
