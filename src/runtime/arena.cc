#include "runtime/arena.h"

#include <algorithm>

#include "base/error.h"

namespace tael {
namespace {
constexpr size_t kAlignment = 64, kMinChunk = size_t{1} << 20;
}  // namespace

void* Arena::AllocateBytes(size_t bytes) {
  bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  if (imagined_) {
    in_use_ += bytes;
    peak_ = std::max(peak_, in_use_);
    return reinterpret_cast<void*>(kAlignment);
  }
  const auto full = [&](const Chunk& chunk) {
    return chunk.used + bytes > static_cast<size_t>(chunk.memory.size());
  };
  while (current_ < chunks_.size() && full(chunks_[current_])) {
    ++current_;
    if (current_ < chunks_.size()) chunks_[current_].used = 0;
  }
  if (current_ == chunks_.size()) {
    chunks_.push_back({SystemMemory(static_cast<int64_t>(std::max(bytes, kMinChunk))), 0});
  }
  Chunk& chunk = chunks_[current_];
  void* result = chunk.memory.data() + chunk.used;
  chunk.used += bytes;
  in_use_ += bytes;
  peak_ = std::max(peak_, in_use_);
  return result;
}

void Arena::Reset() {
  if (chunks_.size() > 1) {  // next time everything fits one chunk
    int64_t total = 0;
    for (const Chunk& chunk : chunks_) total += chunk.memory.size();
    chunks_.clear();
    chunks_.push_back({SystemMemory(total), 0});
  }
  current_ = 0;
  in_use_ = 0;
  if (!chunks_.empty()) chunks_[0].used = 0;
}

void Arena::Reserve(int64_t bytes) {
  TAEL_CHECK(in_use_ == 0 && bytes >= 0);
  chunks_.clear();
  current_ = 0;
  if (bytes > 0) chunks_.push_back({SystemMemory(bytes), 0});
}

void Arena::Release(Position position) {
  current_ = position.chunk;
  in_use_ = position.in_use;
  if (current_ < chunks_.size()) chunks_[current_].used = position.used;
}

}  // namespace tael
