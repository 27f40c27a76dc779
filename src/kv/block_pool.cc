#include "kv/block_pool.h"

#include <utility>

#include "base/error.h"

namespace tael {

BlockPool::BlockPool(int num_blocks, SnapshotPool* snapshots)
    : snapshots_(snapshots), blocks_(static_cast<size_t>(num_blocks)) {
  for (BlockId block = num_blocks - 1; block >= 0; --block) free_.push_back(block);
}

size_t BlockPool::KeyHash::operator()(const Key& key) const {
  uint64_t hash =
      key.parent * 0x9E3779B97F4A7C15u ^ key.scope.salt ^ key.scope.adapters * 0xC2B2AE3D27D4EB4Fu;
  for (const int32_t token : key.tokens) {
    hash = (hash ^ static_cast<uint32_t>(token)) * 0xD6E8FEB86659FD93u;
    hash ^= hash >> 32;
  }
  return static_cast<size_t>(hash);
}

BlockPool::Key BlockPool::MakeKey(ContentId parent, const CacheScope& scope,
                                  std::span<const int32_t> tokens, int index) {
  const auto part = tokens.subspan(static_cast<size_t>(index) * kKvBlockPositions,
                                   static_cast<size_t>(kKvBlockPositions));
  return {parent, scope, {part.begin(), part.end()}};
}

void BlockPool::Forget(BlockId id) {
  if (snapshots_ != nullptr) snapshots_->Forget(id);
  Block& block = At(id);
  index_.erase(block.key);
  block.content = 0;
  block.key = {};
}

std::optional<BlockId> BlockPool::Allocate() {
  BlockId id;
  if (!free_.empty()) {
    id = free_.back();
    free_.pop_back();
  } else if (!idle_.empty()) {
    id = idle_.front();
    idle_.pop_front();
    Forget(id);
  } else {
    return std::nullopt;
  }
  At(id).references = 1;
  return id;
}

void BlockPool::Retain(BlockId id) {
  Block& block = At(id);
  TAEL_CHECK(block.references > 0);
  ++block.references;
}

void BlockPool::Release(BlockId id) {
  Block& block = At(id);
  TAEL_CHECK(block.references > 0);
  if (--block.references > 0) return;
  if (block.content == 0) {
    free_.push_back(id);
  } else {
    block.idle = idle_.insert(idle_.end(), id);
  }
}

std::vector<BlockId> BlockPool::FindPrefix(std::span<const int32_t> tokens,
                                           const CacheScope& scope) const {
  std::vector<BlockId> found;
  const int full = static_cast<int>(tokens.size()) / kKvBlockPositions;
  ContentId parent = 0;
  for (int i = 0; i < full; ++i) {
    const auto entry = index_.find(MakeKey(parent, scope, tokens, i));
    if (entry == index_.end()) break;
    found.push_back(entry->second);
    parent = blocks_[static_cast<size_t>(entry->second)].content;
  }
  return found;
}

int BlockPool::PrefixBlocks(std::span<const int32_t> tokens, const CacheScope& scope) const {
  return static_cast<int>(FindPrefix(tokens, scope).size());
}

std::vector<BlockId> BlockPool::TakePrefix(std::span<const int32_t> tokens,
                                           const CacheScope& scope) {
  std::vector<BlockId> found = FindPrefix(tokens, scope);
  if (snapshots_ != nullptr) {
    while (!found.empty() && snapshots_->At(found.back()) == kNoState) found.pop_back();
    if (!found.empty()) snapshots_->Touch(found.back());
  }
  for (const BlockId id : found) {
    Block& block = At(id);
    if (block.references++ == 0) idle_.erase(block.idle);
  }
  return found;
}

void BlockPool::Publish(std::span<const BlockId> blocks, int index, std::span<const int32_t> tokens,
                        const CacheScope& scope) {
  Block& block = At(blocks[static_cast<size_t>(index)]);
  TAEL_CHECK(block.references > 0);
  if (block.content != 0) return;
  ContentId parent = 0;
  if (index > 0) {
    parent = At(blocks[static_cast<size_t>(index) - 1]).content;
  }
  if (index > 0 && parent == 0) {
    // Another block already stood for the same content as the one before: hang on to that one.
    const auto before =
        FindPrefix(tokens.first(static_cast<size_t>(index) * kKvBlockPositions), scope);
    if (static_cast<int>(before.size()) < index) return;
    parent = At(before.back()).content;
  }
  Key key = MakeKey(parent, scope, tokens, index);
  if (!index_.emplace(key, blocks[static_cast<size_t>(index)]).second) return;
  block.key = std::move(key);
  block.content = next_content_++;
}

bool BlockPool::HasState(std::span<const int32_t> tokens, const CacheScope& scope) const {
  const auto blocks = FindPrefix(tokens, scope);
  return std::cmp_equal(blocks.size() * kKvBlockPositions, tokens.size()) &&
         snapshots_->At(blocks.back()) != kNoState;
}

void BlockPool::KeepState(StateSlot slot, std::span<const int32_t> tokens,
                          const CacheScope& scope) {
  const auto blocks = FindPrefix(tokens, scope);
  if (std::cmp_not_equal(blocks.size() * kKvBlockPositions, tokens.size())) return;
  snapshots_->Keep(slot, blocks.back());
}

}  // namespace tael
