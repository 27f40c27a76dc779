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

TEST(KvCache, LatentRowsHoldTheirValuesAndIndexKeysFollow) {
  const std::vector<KvLayout> layouts = {{.num_kv_heads = 1, .head_dim = 48, .latent_dim = 40},
                                         {1, 48, 40, 16},
                                         {.num_kv_heads = 2, .head_dim = 8, .index_dim = 24}};
  KvCache cache(layouts, DType::kF16, 3);
  EXPECT_EQ(cache.bytes(), 3 * 64 * 2 * (48 + (48 + 16) + (2 * 2 * 8 + 24)));
  EXPECT_EQ(cache.bytes(), KvCache::Bytes(layouts, DType::kF16, 3));
  int64_t total = 0;
  const uint8_t* end = cache.memory().data();  // parts follow each other without gaps
  const auto expect_next = [&](const uint8_t* part, int64_t row) {
    EXPECT_EQ(part, end);
    end = part + row * 64;
    total += row * 64;
  };
  for (BlockId block = 0; block < 3; ++block) {
    expect_next(cache.Keys(0, block, 0), 96);
    EXPECT_EQ(cache.Values(0, block, 0), cache.Keys(0, block, 0));
  }
  for (BlockId block = 0; block < 3; ++block) {
    expect_next(cache.Keys(1, block, 0), 96);
    expect_next(cache.IndexKeys(1, block), 32);
  }
  for (BlockId block = 0; block < 3; ++block) {
    for (const int head : {0, 1}) expect_next(cache.Keys(2, block, head), 16);
    for (const int head : {0, 1}) expect_next(cache.Values(2, block, head), 16);
    expect_next(cache.IndexKeys(2, block), 48);
  }
  EXPECT_EQ(total, cache.bytes());
}

TEST(KvCache, EveryRowOfALayoutMustBeWholeBlocks) {
  EXPECT_TRUE((KvLayout{1, 64, 32, 128}).FitsBlocksOf(DType::kQ8_0));
  EXPECT_FALSE((KvLayout{1, 64, 48, 128}).FitsBlocksOf(DType::kQ8_0));
  EXPECT_FALSE((KvLayout{1, 48, 32, 128}).FitsBlocksOf(DType::kQ8_0));
  EXPECT_FALSE((KvLayout{1, 64, 32, 16}).FitsBlocksOf(DType::kQ8_0));
  EXPECT_TRUE((KvLayout{1, 49, 31, 15}).FitsBlocksOf(DType::kBF16));
}

}  // namespace
}  // namespace tael
