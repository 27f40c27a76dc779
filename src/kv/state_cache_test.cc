// Slots of recurrent state: their places, copies, and what is kept at which block.
#include "kv/state_cache.h"

#include <gtest/gtest.h>

#include <numeric>

#include "kv/block_pool.h"
#include "kv/snapshot_pool.h"

namespace tael {
namespace {

std::vector<int32_t> Count(int count, int from = 0) {
  std::vector<int32_t> tokens(static_cast<size_t>(count));
  std::iota(tokens.begin(), tokens.end(), from);
  return tokens;
}

TEST(StateCache, LayersOfASlotDoNotOverlapAndACopyTakesAllOfThem) {
  const std::vector<int64_t> floats = {5, 0, 33, 16};
  StateCache cache(floats, 3);
  EXPECT_FALSE(cache.empty());
  EXPECT_EQ(StateCache::Bytes(floats, 3), 3 * cache.slot_bytes());
  EXPECT_GE(cache.bytes(), 3 * cache.slot_bytes());
  for (StateSlot slot = 0; slot < 3; ++slot) {
    EXPECT_EQ(cache.position(slot), StateCache::kNoPosition);
    for (const int layer : {0, 2, 3}) {
      float* state = cache.Of(layer, slot);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(state) % 64, 0u);
      std::fill_n(state, floats[static_cast<size_t>(layer)], static_cast<float>(10 * slot + layer));
    }
  }
  cache.SetPosition(1, 77);
  cache.Copy(1, 2);
  EXPECT_EQ(cache.position(2), 77);
  for (const int layer : {0, 2, 3}) {
    for (int64_t i = 0; i < floats[static_cast<size_t>(layer)]; ++i) {
      EXPECT_EQ(cache.Of(layer, 0)[i], static_cast<float>(layer));
      EXPECT_EQ(cache.Of(layer, 2)[i], static_cast<float>(10 + layer));
    }
  }
}

TEST(StateCache, WithoutRecurrentLayersThereIsNothing) {
  const StateCache cache({0, 0}, 4);
  EXPECT_TRUE(cache.empty());
  EXPECT_EQ(cache.bytes(), 0);
  EXPECT_EQ(cache.slots(), 0);
}

TEST(SnapshotPositions, AreBlockBordersBeforeTheEndAndBeforeWhatTemplatesReplace) {
  EXPECT_EQ(SnapshotPositions(1), std::vector<int>{});
  EXPECT_EQ(SnapshotPositions(64), std::vector<int>{});
  EXPECT_EQ(SnapshotPositions(65), std::vector<int>{64});
  EXPECT_EQ(SnapshotPositions(128), std::vector<int>{64});
  EXPECT_EQ(SnapshotPositions(129), (std::vector<int>{64, 128}));
  EXPECT_EQ(SnapshotPositions(143), (std::vector<int>{64, 128}));
  EXPECT_EQ(SnapshotPositions(144), std::vector<int>{128});
}

TEST(SnapshotPool, GivesFreeSlotsThenTheOneUsedLongestAgo) {
  SnapshotPool pool(4, 2);
  const StateSlot a = pool.Reserve(), b = pool.Reserve();
  EXPECT_EQ(a + b, 4 + 5);
  EXPECT_EQ(pool.Reserve(), kNoState) << "both are being written";
  pool.Keep(a, 10);
  pool.Keep(b, 11);
  EXPECT_EQ(pool.At(10), a);
  pool.Touch(10);
  EXPECT_EQ(pool.Reserve(), b);
  EXPECT_EQ(pool.At(11), kNoState);
  EXPECT_EQ(pool.At(10), a);
  pool.DropReserved();
  EXPECT_EQ(pool.Reserve(), b) << "a step that failed keeps nothing";
  pool.Keep(b, 10);  // has one already
  EXPECT_EQ(pool.At(10), a);
  pool.DropReserved();
  pool.Forget(10);
  EXPECT_EQ(pool.At(10), kNoState);
}

TEST(SnapshotPool, WithoutSlotsKeepsNothing) {
  SnapshotPool pool(3, 0);
  EXPECT_EQ(pool.Reserve(), kNoState);
  EXPECT_EQ(pool.At(0), kNoState);
}

TEST(BlockPool, SharesAPrefixOnlyUpToABlockWithAState) {
  SnapshotPool snapshots(0, 2);
  BlockPool pool(4, &snapshots);
  const std::vector<int32_t> tokens = Count(3 * kKvBlockPositions);
  std::vector<BlockId> blocks;
  for (int i = 0; i < 3; ++i) {
    blocks.push_back(pool.Allocate().value());
    pool.Publish(blocks, i, tokens, {});
  }
  EXPECT_EQ(pool.PrefixBlocks(tokens, {}), 3);
  EXPECT_TRUE(pool.TakePrefix(tokens, {}).empty()) << "no state is kept anywhere";
  const auto two = std::span(tokens).first(2 * kKvBlockPositions);
  EXPECT_FALSE(pool.HasState(two, {}));
  const StateSlot slot = snapshots.Reserve();
  pool.KeepState(slot, two, {});
  EXPECT_TRUE(pool.HasState(two, {}));
  EXPECT_FALSE(pool.HasState(two, {1})) << "another salt";
  EXPECT_FALSE(pool.HasState(tokens, {}));
  const std::vector<BlockId> taken = pool.TakePrefix(tokens, {});
  EXPECT_EQ(taken, std::vector<BlockId>(blocks.begin(), blocks.begin() + 2));
  EXPECT_EQ(snapshots.At(taken.back()), slot);
}

TEST(BlockPool, ForgetsTheStateWithTheContent) {
  SnapshotPool snapshots(0, 1);
  BlockPool pool(1, &snapshots);
  const std::vector<int32_t> tokens = Count(kKvBlockPositions);
  const std::vector<BlockId> blocks = {pool.Allocate().value()};
  pool.Publish(blocks, 0, tokens, {});
  pool.KeepState(snapshots.Reserve(), tokens, {});
  pool.Release(blocks[0]);
  EXPECT_EQ(pool.Allocate(), blocks[0]);  // used for something else
  EXPECT_EQ(snapshots.At(blocks[0]), kNoState);
  // What is not published cannot keep a state.
  pool.KeepState(snapshots.Reserve(), Count(kKvBlockPositions, 5), {});
  EXPECT_EQ(snapshots.At(blocks[0]), kNoState);
}

}  // namespace
}  // namespace tael
