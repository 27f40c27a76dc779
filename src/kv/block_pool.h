// Who uses which block of the cache, and which blocks hold a prefix that others may share.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "kv/kv_cache.h"
#include "kv/snapshot_pool.h"

namespace tael {

// Contents are shared only within a scope: requests of one salt whose adapters are the same.
struct CacheScope {
  uint64_t salt = 0;
  uint64_t adapters = 0;  // names the list of adapters; 0: none
  bool operator==(const CacheScope&) const = default;
};

// Reference counts over the blocks of a KvCache. A full block may be published under its content:
// all tokens up to its end. It then never changes, may be shared, and stays findable after its last
// user left until its memory is needed (least recently used first). Contents are compared token by
// token, never by hash alone. Not thread-safe.
class BlockPool {
 public:
  // With `snapshots` (which must outlive it), of a model with a recurrent state, a prefix can be
  // taken only up to a block at whose end a state is kept.
  explicit BlockPool(int num_blocks, SnapshotPool* snapshots = nullptr);

  // Blocks that Allocate() can still give: never used, or only findable.
  int available() const { return static_cast<int>(free_.size() + idle_.size()); }
  // Of these, those that are only findable.
  int idle() const { return static_cast<int>(idle_.size()); }
  int num_blocks() const { return static_cast<int>(blocks_.size()); }

  // A block with one reference and no content; nullopt when all are in use.
  std::optional<BlockId> Allocate();
  // REQUIRES: the block is in use.
  void Retain(BlockId block);
  void Release(BlockId block);

  // The blocks of the longest published prefix of `tokens` that ends at a block border (and where a
  // state is kept), each retained. Only contents published in the same scope are seen.
  std::vector<BlockId> TakePrefix(std::span<const int32_t> tokens, const CacheScope& scope);
  // How many whole blocks at the beginning of `tokens` are published, with or without a state.
  int PrefixBlocks(std::span<const int32_t> tokens, const CacheScope& scope) const;

  // Makes `blocks[index]` findable: it holds tokens[64 * index, 64 * index + 64) and blocks[0 ..
  // index) hold what comes before, all of them published. Without effect if another block with this
  // content is. REQUIRES: in use, full, tokens cover it.
  void Publish(std::span<const BlockId> blocks, int index, std::span<const int32_t> tokens,
               const CacheScope& scope);

  // Keeps the reserved snapshot `slot`, the state after all of `tokens`, if they are whole blocks
  // and published. REQUIRES: made with snapshots.
  void KeepState(StateSlot slot, std::span<const int32_t> tokens, const CacheScope& scope);
  // Whether the state after `tokens`, whole blocks, is kept. REQUIRES: made with snapshots.
  bool HasState(std::span<const int32_t> tokens, const CacheScope& scope) const;

 private:
  // Names the content up to the end of a block; never used twice.
  using ContentId = uint64_t;
  struct Key {
    ContentId parent = 0;  // 0: the first block
    CacheScope scope;
    std::vector<int32_t> tokens;  // kKvBlockPositions of them
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const;
  };
  struct Block {
    int references = 0;
    ContentId content = 0;  // 0: not published
    Key key;                // when published
    std::list<BlockId>::iterator idle;
  };

  Block& At(BlockId block) { return blocks_[static_cast<size_t>(block)]; }
  static Key MakeKey(ContentId parent, const CacheScope& scope, std::span<const int32_t> tokens,
                     int index);
  std::vector<BlockId> FindPrefix(std::span<const int32_t> tokens, const CacheScope& scope) const;
  void Forget(BlockId id);

  SnapshotPool* snapshots_;
  std::vector<Block> blocks_;
  std::vector<BlockId> free_;  // the last one is given first
  std::list<BlockId> idle_;    // published, without users; least recently used first
  std::unordered_map<Key, BlockId, KeyHash> index_;
  ContentId next_content_ = 1;
};

}  // namespace tael
