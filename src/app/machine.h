// What /proc says about this machine.
#pragma once

#include <cstdint>
#include <string>

namespace tael {

// "AMD EPYC ...", from /proc/cpuinfo, or the machine's architecture.
std::string CpuModel();

// A row of /proc/meminfo ("MemTotal") in bytes; 0 when unknown.
int64_t MemoryInfo(const std::string& key);

// Bytes that this process may still take: what the kernel calls available, and what is left of the
// control group's limit. 0 when unknown.
int64_t AvailableMemory();

// Of the last minute; negative when unknown.
double LoadAverage();

}  // namespace tael
