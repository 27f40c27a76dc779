// Memory straight from the system, and making memory resident before it is needed.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace tael {

int64_t PageBytes();  // of this system, a power of two
int64_t RoundToPages(int64_t bytes);

// Zeroed anonymous memory, aligned to a page. Movable.
class SystemMemory {
 public:
  SystemMemory() = default;
  // Reserves `bytes` without touching them; large pages are welcome. Throws std::bad_alloc when the
  // address space or a limit does not allow it.
  explicit SystemMemory(int64_t bytes);
  ~SystemMemory();
  SystemMemory(SystemMemory&& other) noexcept;
  SystemMemory& operator=(SystemMemory&& other) noexcept;
  SystemMemory(const SystemMemory&) = delete;
  SystemMemory& operator=(const SystemMemory&) = delete;

  uint8_t* data() const { return data_; }
  int64_t size() const { return size_; }
  std::span<uint8_t> bytes() const { return {data_, static_cast<size_t>(size_)}; }

 private:
  uint8_t* data_ = nullptr;
  int64_t size_ = 0;
};

// Pages of `memory`, which begin at page borders, will be small.
void RefuseLargePages(std::span<uint8_t> memory);

// Gives every page of `memory` its memory now, so that no later access has to. Different parts may
// be populated from different threads. Throws kExhausted when the system has none.
void PopulateWritable(std::span<uint8_t> memory);

// Gives the pages wholly inside a part of a SystemMemory back; they are zeros again.
void ReleaseWritable(std::span<uint8_t> memory);

// Reads every page of a file mapping into memory. Throws kUnavailable (the file cannot be read, or
// became shorter); `where` names it.
void PopulateReadable(std::span<const uint8_t> mapping, std::string_view where);

// Large pages are welcome where `mapping` has none yet. Only a wish; most file systems have none.
void AdviseLargePages(std::span<const uint8_t> mapping);

// Gives pages of a read-only file mapping that lie wholly inside `mapping` back; they are read from
// the file again when they are used.
void ReleaseReadable(std::span<const uint8_t> mapping);

}  // namespace tael
