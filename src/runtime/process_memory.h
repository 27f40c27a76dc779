// What this process occupies, and what the system lets it occupy.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace tael {

struct ProcessMemory {
  int64_t anonymous = 0;      // resident bytes that no file backs
  int64_t file = 0;           // resident bytes of mapped files, the program itself among them
  int64_t peak = 0;           // most that was ever resident
  int64_t address_space = 0;  // mapped, resident or not
  int64_t data = 0;           // private writable mappings, what `ulimit -d` counts
  int64_t resident() const { return anonymous + file; }
};

// From /proc/self/status; all zeros where that does not exist.
ProcessMemory ReadProcessMemory();

// Resident bytes of the mappings that overlap one of `ranges`, from /proc/self/smaps.
int64_t ResidentBytesOf(const std::vector<std::span<const uint8_t>>& ranges);

// The same, of what is mapped by large pages.
int64_t LargePageBytesOf(const std::vector<std::span<const uint8_t>>& ranges);

// What a thread's stack takes of the address space, with its guard page.
int64_t ThreadStackBytes();

// One bound on what this process may occupy.
struct MemoryBound {
  int64_t bytes = 0;
  std::string source;  // "--memory", "the memory cgroup", ...; for messages
};

// How much this process may have resident in all: what it has now and what can still be had from
// its control groups and from the machine (free memory and what the page cache can give back).
std::vector<MemoryBound> ResidentBounds(const ProcessMemory& now);

// `ulimit -v` and `ulimit -d`: bounds on address_space and data; 0 = none.
struct SpaceLimits {
  int64_t address_space = 0, data = 0;
};
SpaceLimits ReadSpaceLimits();

}  // namespace tael
