#include "kv/kv_cache.h"

#include <gtest/gtest.h>

#include <cstring>
#include <set>

namespace tael {
namespace {

// `cache` has two layers, with 2 and 1 heads, and 3 blocks.
void ExpectNoOverlap(KvCache& cache) {
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
}

TEST(KvCache, PlacesLayersBlocksAndHeadsWithoutOverlap) {
  // Two layers with different rows; f16, so a position takes 2 * head_dim bytes.
  KvCache cache({{2, 24}, {1, 40}}, DType::kF16, 3);
  ExpectNoOverlap(cache);
  EXPECT_EQ(cache.row_bytes(0), 48);
  EXPECT_EQ(cache.row_bytes(1), 80);
  EXPECT_EQ(cache.head_dim(1), 40);
}

TEST(KvCache, StoresWholeBlocksOfQ8) {
  KvCache cache({{2, 32}, {1, 96}}, DType::kQ8_0, 3);
  ExpectNoOverlap(cache);
  EXPECT_EQ(cache.row_bytes(0), 34);
  EXPECT_EQ(cache.row_bytes(1), 102);
  EXPECT_EQ(cache.head_dim(0), 32);
  EXPECT_EQ(cache.bytes(), 2 * 3 * 64 * (2 * 34 + 102));
}

}  // namespace
}  // namespace tael
