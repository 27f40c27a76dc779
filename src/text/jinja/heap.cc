// The bump allocator of a rendering and its limits.
#include "text/jinja/heap.h"

#include <cstring>

namespace tael::jinja {
namespace {

constexpr size_t kMaxChunk = 1 << 20;
// Filling memory costs time too: this many bytes count as one step.
constexpr int64_t kBytesPerStep = 256;

}  // namespace

void Heap::Expect(int64_t count, int64_t size) {
  const int64_t room = budget_.max_bytes - bytes_used_;
  if (count < 0 || count > room / size) FailBytes();
}

std::string_view Heap::Copy(std::string_view bytes) {
  if (bytes.empty()) return {};
  char* copy = static_cast<char*>(allocate(bytes.size(), 1));
  std::memcpy(copy, bytes.data(), bytes.size());
  return {copy, bytes.size()};
}

void* Heap::do_allocate(size_t bytes, size_t alignment) {
  if (bytes > static_cast<size_t>(budget_.max_bytes)) FailBytes();
  bytes_used_ += static_cast<int64_t>(bytes);
  if (bytes_used_ > budget_.max_bytes) FailBytes();
  if (bytes >= kBytesPerStep) Step(static_cast<int64_t>(bytes) / kBytesPerStep);
  const auto address = reinterpret_cast<uintptr_t>(free_);
  const size_t padding = (alignment - address % alignment) % alignment;
  if (free_ != nullptr && padding + bytes <= static_cast<size_t>(end_ - free_)) {
    char* result = free_ + padding;
    free_ = result + bytes;
    return result;
  }
  return AllocateChunk(bytes, alignment);
}

// new char[] is aligned for every fundamental type; larger alignments do not occur.
void* Heap::AllocateChunk(size_t bytes, size_t alignment) {
  TAEL_CHECK(alignment <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
  if (bytes > next_chunk_ / 4) {
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(bytes));
    return chunks_.back().get();
  }
  chunks_.push_back(std::make_unique_for_overwrite<char[]>(next_chunk_));
  char* chunk = chunks_.back().get();
  free_ = chunk + bytes;
  end_ = chunk + next_chunk_;
  if (next_chunk_ < kMaxChunk) next_chunk_ *= 2;
  return chunk;
}

void Heap::FailSteps() const {
  Raise(ErrorCode::kExhausted, "the template needs more than its budget of {} steps",
        budget_.max_steps);
}

void Heap::FailBytes() const {
  Raise(ErrorCode::kExhausted, "the template needs more than its budget of {} bytes of memory",
        budget_.max_bytes);
}

void Heap::FailNesting() {
  --nesting_;  // the constructor of Nest does not complete, so its destructor will not run
  Raise(ErrorCode::kExhausted, "expressions, calls or values are nested deeper than {} levels",
        budget_.max_nesting);
}

}  // namespace tael::jinja
