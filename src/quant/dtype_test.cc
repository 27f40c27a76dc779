#include "quant/dtype.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <string>

namespace tael {
namespace {

TEST(DType, NamesAndNumbersAreUniqueAndFindTheirTypes) {
  std::set<std::string> names;
  for (int i = 0; i < static_cast<int>(DType::kCount); ++i) {
    const DTypeInfo& info = Info(static_cast<DType>(i));
    SCOPED_TRACE(info.name);
    EXPECT_EQ(static_cast<int>(info.dtype), i);
    EXPECT_TRUE(names.insert(info.name).second);
    if (info.ggml_id >= 0) {
      EXPECT_EQ(DTypeFromGgml(info.ggml_id), info.dtype);
    }
    if (*info.safetensors != '\0') {
      EXPECT_EQ(DTypeFromSafetensors(info.safetensors), info.dtype);
    }
  }
}

TEST(DType, RefusesRemovedAndUnknownNumbers) {
  for (const int64_t id : {-1, 4, 5, 31, 32, 33, 36, 37, 38, 43, 97, 137}) {
    EXPECT_FALSE(DTypeFromGgml(id)) << id;
  }
  EXPECT_FALSE(DTypeFromSafetensors(""));
  EXPECT_FALSE(DTypeFromSafetensors("Q4_K"));
}

TEST(DType, CountsBytesOfWholeBlocksOnly) {
  EXPECT_EQ(StorageBytes(DType::kF32, 3), 12);
  EXPECT_EQ(StorageBytes(DType::kQ4_K, 512), 288);
  EXPECT_EQ(StorageBytes(DType::kQ4_K, 100), std::nullopt);
  EXPECT_EQ(StorageBytes(DType::kF4, 4), 2);
  EXPECT_EQ(StorageBytes(DType::kF4, 3), std::nullopt);
  EXPECT_EQ(StorageBytes(DType::kF6E2M3, 4), 3);
  EXPECT_EQ(StorageBytes(DType::kQ8_0, 0), 0);
  EXPECT_EQ(StorageBytes(DType::kF64, INT64_MAX / 4), std::nullopt);
  EXPECT_EQ(StorageBytes(DType::kQ8_0, INT64_MAX / 32 * 32), std::nullopt);
}

}  // namespace
}  // namespace tael
