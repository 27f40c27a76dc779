#include "app/coverage.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>

#include "base/error.h"
#include "checkpoint/open.h"
#include "model/families.h"
#include "model/model.h"
#include "tests/support/shared_data.h"

namespace tael {
namespace {

// Of every checkpoint among the goldens that this version can open: the table names it under its
// family.
TEST(Coverage, NamesEveryGoldenThatOpens) {
  const auto shared = SharedPath("goldens");
  if (!shared) GTEST_SKIP() << "no shared goldens";
  int opened = 0;
  for (const auto& entry : std::filesystem::directory_iterator(*shared)) {
    const std::string folder = entry.path().string(), name = entry.path().filename().string();
    if (!std::filesystem::exists(folder + "/golden.safetensors")) continue;
    LoadOptions options;
    options.headers_only = true;
    std::string family;
    try {
      family = LoadModel(folder, options)->spec.family;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnsupported) << name << ": " << error.what();
      continue;
    }
    ++opened;
    const std::string named = ", " + std::string(GoldensOf(family)) + ",";
    EXPECT_NE(named.find(", " + name + ","), std::string::npos) << name << " is of " << family;
  }
  EXPECT_GT(opened, 20);
}

TEST(Coverage, OfAnUnknownFamilyIsNone) { EXPECT_EQ(GoldensOf("mimo"), ""); }

}  // namespace
}  // namespace tael
