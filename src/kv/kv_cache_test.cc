#include "kv/kv_cache.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>

namespace tael {
namespace {

TEST(KvCache, PlacesLayersBlocksAndHeadsWithoutOverlap) {
  // Two layers with different rows; f16, so a position takes 2 * head_dim bytes.
  KvCache cache({{2, 24}, {1, 40}}, DType::kF16, 3);
  std::set<std::pair<const uint8_t*, const uint8_t*>> ranges;
  for (int layer = 0; layer < 2; ++layer) {
    for (int head = 0; head < (layer == 0 ? 2 : 1); ++head) {
      for (BlockId block = 0; block < 3; ++block) {
        const int64_t bytes = cache.row_bytes(layer) * kKvBlockPositions;
        for (uint8_t* part : {cache.Keys(layer, block, head), cache.Values(layer, block, head)}) {
          std::memset(part, 1, static_cast<size_t>(bytes));  // the sanitizer sees a stray write
          ranges.insert({part, part + bytes});
        }
      }
    }
  }
  const uint8_t* last_end = nullptr;
  int64_t total = 0;
  for (const auto& [begin, end] : ranges) {
    EXPECT_TRUE(last_end == nullptr || begin >= last_end);
    last_end = end;
    total += end - begin;
  }
  EXPECT_EQ(total, cache.bytes());
  EXPECT_EQ(cache.row_bytes(0), 48);
  EXPECT_EQ(cache.row_bytes(1), 80);
}

}  // namespace
}  // namespace tael
