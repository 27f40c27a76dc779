#include "base/memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "base/error.h"

namespace tael {
namespace {

// The pages that `memory` touches, as madvise() wants them.
struct PageRange {
  uint8_t* begin = nullptr;
  size_t size = 0;
};

PageRange PagesOf(const uint8_t* data, size_t size) {
  const auto page = static_cast<uintptr_t>(PageBytes());
  const uintptr_t first = reinterpret_cast<uintptr_t>(data) / page * page;
  const uintptr_t end = (reinterpret_cast<uintptr_t>(data) + size + page - 1) / page * page;
  return {reinterpret_cast<uint8_t*>(first), end - first};
}

// Systems older than Linux 5.14 do not know the advice; there every page is read once.
bool IsUnknownAdvice() { return errno == EINVAL; }

void ReadEveryPage(const PageRange& pages) {
  for (size_t at = 0; at < pages.size; at += static_cast<size_t>(PageBytes())) {
    static_cast<void>(*static_cast<const volatile uint8_t*>(pages.begin + at));
  }
}

}  // namespace

int64_t PageBytes() {
  static const auto bytes = static_cast<int64_t>(sysconf(_SC_PAGESIZE));
  return bytes;
}

int64_t RoundToPages(int64_t bytes) {
  return (bytes + PageBytes() - 1) / PageBytes() * PageBytes();
}

SystemMemory::SystemMemory(int64_t bytes) : size_(RoundToPages(bytes)) {
  if (size_ == 0) return;
  void* memory = mmap(nullptr, static_cast<size_t>(size_), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  data_ = static_cast<uint8_t*>(memory);
  // Fewer, larger pages: quicker to populate and to look up. Only a wish; failure is harmless.
  madvise(memory, static_cast<size_t>(size_), MADV_HUGEPAGE);
}

SystemMemory::~SystemMemory() {
  if (data_ != nullptr) munmap(data_, static_cast<size_t>(size_));
}

SystemMemory::SystemMemory(SystemMemory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

SystemMemory& SystemMemory::operator=(SystemMemory&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

void RefuseLargePages(std::span<uint8_t> memory) {
  if (memory.empty()) return;
  const PageRange pages = PagesOf(memory.data(), memory.size());
  madvise(pages.begin, pages.size, MADV_NOHUGEPAGE);
}

void PopulateWritable(std::span<uint8_t> memory) {
  if (memory.empty()) return;
  const PageRange pages = PagesOf(memory.data(), memory.size());
  if (madvise(pages.begin, pages.size, MADV_POPULATE_WRITE) == 0) return;
  if (!IsUnknownAdvice()) {
    Fail(ErrorCode::kExhausted, "the system cannot provide {} bytes of memory: {}", memory.size(),
         std::strerror(errno));
  }
  for (size_t at = 0; at < memory.size(); at += static_cast<size_t>(PageBytes())) {
    volatile uint8_t& byte = memory[at];
    byte = byte;  // a write, without changing what is there
  }
}

void PopulateReadable(std::span<const uint8_t> mapping, std::string_view where) {
  if (mapping.empty()) return;
  const PageRange pages = PagesOf(mapping.data(), mapping.size());
  if (madvise(pages.begin, pages.size, MADV_POPULATE_READ) == 0) return;
  if (IsUnknownAdvice()) return ReadEveryPage(pages);
  Fail(ErrorCode::kUnavailable,
       "{}: {} bytes of weights cannot be read into memory: {}. Hint: the file may have become "
       "shorter, or its disk may be failing",
       where, mapping.size(), std::strerror(errno));
}

void AdviseLargePages(std::span<const uint8_t> mapping) {
  if (mapping.empty()) return;
  const PageRange pages = PagesOf(mapping.data(), mapping.size());
  madvise(pages.begin, pages.size, MADV_HUGEPAGE);
}

namespace {

void Release(std::span<const uint8_t> mapping) {
  const auto page = static_cast<uintptr_t>(PageBytes());
  const auto begin = (reinterpret_cast<uintptr_t>(mapping.data()) + page - 1) / page * page;
  const auto end = (reinterpret_cast<uintptr_t>(mapping.data()) + mapping.size()) / page * page;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace

void ReleaseWritable(std::span<uint8_t> memory) { Release(memory); }
void ReleaseReadable(std::span<const uint8_t> mapping) { Release(mapping); }

}  // namespace tael
