// SHA-256 (FIPS 180-4) over bytes that arrive in pieces.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace tael {

class Sha256 {
 public:
  void Update(std::span<const uint8_t> bytes);
  void Update(std::string_view text);

  // The digest as 64 lower-case hex digits. Nothing may be added afterwards.
  std::string FinishHex();

 private:
  void Compress(const uint8_t* block);  // one block of 64 bytes

  std::array<uint32_t, 8> state_{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<uint8_t, 64> pending_{};
  uint64_t length_ = 0;  // bytes seen
};

std::string Sha256Hex(std::string_view bytes);

// Of a whole file, read in pieces. `progress` (may be empty) hears the bytes done so far.
// Throws kNotFound.
std::string Sha256OfFile(const std::string& path,
                         const std::function<void(int64_t)>& progress = {});

}  // namespace tael
