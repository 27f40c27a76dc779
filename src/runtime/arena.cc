#include "runtime/arena.h"

#include <algorithm>

namespace tael {
namespace {
constexpr size_t kAlignment = 64, kMinChunk = size_t{1} << 20;
}  // namespace

void* Arena::AllocateBytes(size_t bytes) {
  bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  while (current_ < chunks_.size() && chunks_[current_].used + bytes > chunks_[current_].size) {
    ++current_;
    if (current_ < chunks_.size()) chunks_[current_].used = 0;
  }
  if (current_ == chunks_.size()) {
    Chunk chunk;
    chunk.size = std::max(bytes, kMinChunk);
    chunk.memory.reset(new std::byte[chunk.size + kAlignment]);
    const auto address = reinterpret_cast<uintptr_t>(chunk.memory.get());
    chunk.begin = chunk.memory.get() + (kAlignment - address % kAlignment) % kAlignment;
    chunks_.push_back(std::move(chunk));
  }
  Chunk& chunk = chunks_[current_];
  void* result = chunk.begin + chunk.used;
  chunk.used += bytes;
  return result;
}

void Arena::Reset() {
  if (chunks_.size() > 1) {  // next time everything fits one chunk
    size_t total = 0;
    for (const Chunk& chunk : chunks_) total += chunk.size;
    chunks_.clear();
    current_ = 0;
    AllocateBytes(total);
  }
  current_ = 0;
  if (!chunks_.empty()) chunks_[0].used = 0;
}

void Arena::Release(Position position) {
  current_ = position.chunk;
  if (current_ < chunks_.size()) chunks_[current_].used = position.used;
}

}  // namespace tael
