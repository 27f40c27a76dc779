// Takes one member out of a ZIP archive: what a Python wheel is.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace tael {

// Finds `member` in the archive `bytes` (named `where` in messages) and hands its unpacked bytes to
// `sink` piece by piece, in order. Stored and deflated members; no ZIP64, no encryption. Size and
// CRC-32 are checked at the end. Throws kNotFound (no such member), kCorrupt, kUnsupported.
void ExtractZipMember(std::span<const uint8_t> bytes, std::string_view where,
                      std::string_view member,
                      const std::function<void(std::span<const uint8_t>)>& sink);

}  // namespace tael
