#include "model/convert/numbers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

namespace tael {
namespace {

template <typename T>
std::span<const uint8_t> Bytes(const std::vector<T>& values) {
  return {reinterpret_cast<const uint8_t*>(values.data()), values.size() * sizeof(T)};
}

template <typename T>
std::vector<T> Made(const std::function<void(const ByteSink&)>& produce) {
  std::vector<uint8_t> bytes;
  produce([&](std::span<const uint8_t> piece) {
    bytes.insert(bytes.end(), piece.begin(), piece.end());
  });
  std::vector<T> values(bytes.size() / sizeof(T));
  std::ranges::copy(bytes, reinterpret_cast<uint8_t*>(values.data()));
  return values;
}

TEST(Numbers, AreTheSameInBothWidths) {
  std::vector<int64_t> wide = {0, 1, -1, std::numeric_limits<int32_t>::max(),
                               std::numeric_limits<int32_t>::min()};
  for (int64_t i = 0; i < 70000; ++i) wide.push_back(i * 7 % 4096);  // more than one piece
  const std::vector<int32_t> narrow(wide.begin(), wide.end());
  EXPECT_EQ(Made<int32_t>(NumbersToGguf(Bytes(wide))), narrow);
  EXPECT_EQ(Made<int64_t>(NumbersToHf(Bytes(narrow))), wide);
  EXPECT_TRUE(Made<int32_t>(NumbersToGguf({})).empty());
}

}  // namespace
}  // namespace tael
