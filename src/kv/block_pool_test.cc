// Reference counts, sharing by content, and forgetting what was used least recently.
#include "kv/block_pool.h"

#include <gtest/gtest.h>

#include <numeric>

namespace tael {
namespace {

std::vector<int32_t> Count(int from, int count) {
  std::vector<int32_t> tokens(static_cast<size_t>(count));
  std::iota(tokens.begin(), tokens.end(), from);
  return tokens;
}

// Allocates and publishes the full blocks of `tokens`; the caller holds one reference to each.
std::vector<BlockId> Fill(BlockPool& pool, const std::vector<int32_t>& tokens, uint64_t salt = 0) {
  std::vector<BlockId> blocks;
  for (int i = 0; i < static_cast<int>(tokens.size()) / kKvBlockPositions; ++i) {
    blocks.push_back(pool.Allocate().value());
    pool.Publish(blocks, i, tokens, {salt});
  }
  return blocks;
}

void ReleaseAll(BlockPool& pool, const std::vector<BlockId>& blocks) {
  for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) pool.Release(*block);
}

TEST(BlockPool, GivesEveryBlockOnceAndAgainAfterRelease) {
  BlockPool pool(3);
  std::vector<BlockId> blocks;
  for (int i = 0; i < 3; ++i) blocks.push_back(pool.Allocate().value());
  EXPECT_EQ(pool.available(), 0);
  EXPECT_EQ(pool.Allocate(), std::nullopt);
  pool.Retain(blocks[1]);
  pool.Release(blocks[1]);
  EXPECT_EQ(pool.Allocate(), std::nullopt);  // still one user
  pool.Release(blocks[1]);
  EXPECT_EQ(pool.Allocate(), blocks[1]);
}

TEST(BlockPool, SharesTheLongestPublishedPrefixInWholeBlocks) {
  BlockPool pool(8);
  const auto tokens = Count(0, 200);
  const auto blocks = Fill(pool, tokens);  // 3 full blocks
  ASSERT_EQ(blocks.size(), 3u);
  EXPECT_EQ(pool.TakePrefix(tokens, {0}), blocks);
  EXPECT_EQ(pool.TakePrefix(std::span(tokens).first(191), {0}).size(), 2u);
  auto other = tokens;
  other[70] = -1;
  EXPECT_EQ(pool.TakePrefix(other, {0}), std::vector<BlockId>{blocks[0]});
  other[0] = -1;
  EXPECT_TRUE(pool.TakePrefix(other, {0}).empty());
  EXPECT_TRUE(pool.TakePrefix(tokens, {1}).empty());  // another salt
}

TEST(BlockPool, EqualBlocksAfterDifferentBeginningsAreDifferent) {
  BlockPool pool(8);
  auto a = Count(0, 128), b = Count(0, 128);
  b[3] = 77;
  const auto of_a = Fill(pool, a), of_b = Fill(pool, b);
  EXPECT_EQ(pool.TakePrefix(a, {0}), of_a);
  EXPECT_EQ(pool.TakePrefix(b, {0}), of_b);
  EXPECT_NE(of_a[1], of_b[1]);
}

TEST(BlockPool, PublishedBlocksOutliveTheirUsersUntilMemoryIsNeeded) {
  BlockPool pool(3);
  const auto tokens = Count(0, 128);
  const auto blocks = Fill(pool, tokens);
  ReleaseAll(pool, blocks);
  EXPECT_EQ(pool.available(), 3);
  EXPECT_EQ(pool.TakePrefix(tokens, {0}), blocks);
  EXPECT_EQ(pool.available(), 1);
  ReleaseAll(pool, blocks);
  pool.Allocate();  // the one never used
  EXPECT_EQ(pool.PrefixBlocks(tokens, {0}), 2);
  pool.Allocate();  // takes the end of the prefix first
  EXPECT_EQ(pool.PrefixBlocks(tokens, {0}), 1);
  pool.Allocate();
  EXPECT_EQ(pool.PrefixBlocks(tokens, {0}), 0);
}

TEST(BlockPool, AForgottenParentDoesNotLendItsChildrenToAnotherContent) {
  BlockPool pool(2);
  const auto tokens = Count(0, 128);
  const auto blocks = Fill(pool, tokens);
  pool.Release(blocks[0]);  // the child stays in use
  const BlockId reused = pool.Allocate().value();
  EXPECT_EQ(reused, blocks[0]);
  auto other = Count(500, 128);
  std::copy(tokens.begin() + 64, tokens.end(), other.begin() + 64);
  const std::vector<BlockId> now = {reused};
  pool.Publish(now, 0, other, {0});
  EXPECT_EQ(pool.PrefixBlocks(other, {0}), 1);  // not 2: the second block followed something else
  EXPECT_EQ(pool.PrefixBlocks(tokens, {0}), 0);
}

TEST(BlockPool, TwoSequencesWithEqualTokensPublishOneOfThem) {
  BlockPool pool(6);
  const auto tokens = Count(0, 192);
  const auto first = Fill(pool, tokens), second = Fill(pool, tokens);
  EXPECT_EQ(pool.TakePrefix(tokens, {0}), first);
  ReleaseAll(pool, second);
  EXPECT_EQ(pool.available(), 3);  // the second copies are free, not findable
}

}  // namespace
}  // namespace tael
