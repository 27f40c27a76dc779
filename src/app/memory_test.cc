#include "app/memory.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace tael {
namespace {

TEST(ParseByteCount, ReadsPowersOf1024And1000) {
  EXPECT_EQ(ParseByteCount("1000000", "x"), 1000000);
  EXPECT_EQ(ParseByteCount("12B", "x"), 12);
  EXPECT_EQ(ParseByteCount("512M", "x"), int64_t{512} << 20);
  EXPECT_EQ(ParseByteCount("3.5GiB", "x"), int64_t{7} << 29);
  EXPECT_EQ(ParseByteCount("4GB", "x"), 4'000'000'000);
  EXPECT_EQ(ParseByteCount("2T", "x"), int64_t{2} << 40);
}

TEST(ParseByteCount, RefusesWhatIsNoSizeAndNamesIt) {
  for (const char* text : {"", "4X", "-1G", "nan", "inf", "1e30", "G", "5GBB", "5 G", "0", "3Gi"}) {
    EXPECT_THROW(ParseByteCount(text, "--memory"), Error) << text;
  }
  try {
    ParseByteCount("4X", "run.memory");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find("run.memory: '4X'"), 0u) << error.what();
  }
}

}  // namespace
}  // namespace tael
