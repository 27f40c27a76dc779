// Reads little-endian values from untrusted bytes; nothing is read before its bounds are checked.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/error.h"

namespace tael {

class ByteReader {
 public:
  // Borrows both; `where` names the source in messages.
  ByteReader(std::span<const uint8_t> bytes, const std::string& where)
      : bytes_(bytes), where_(where) {}

  const std::string& where() const { return where_; }
  size_t position() const { return position_; }
  size_t remaining() const { return bytes_.size() - position_; }

  // A number as it lies in memory. Throws kCorrupt when the bytes end before it; `what` names it.
  template <typename T>
  T Number(const char* what) {
    static_assert(std::is_arithmetic_v<T>);
    T value;
    std::memcpy(&value, Take(sizeof(T), what).data(), sizeof(T));
    return value;
  }

  // A length (u64) and that many bytes. The result points into the bytes.
  std::string_view Text(const char* what) {
    const std::span<const uint8_t> text = Take(Number<uint64_t>(what), what);
    return {reinterpret_cast<const char*>(text.data()), text.size()};
  }

  // The next `count` bytes.
  std::span<const uint8_t> Take(uint64_t count, const char* what) {
    if (count > remaining()) {
      Fail(ErrorCode::kCorrupt,
           "{}: {} at byte {} needs {} bytes, but only {} are left. "
           "Hint: the file is damaged or was not downloaded completely.",
           where_, what, position_, count, remaining());
    }
    const std::span<const uint8_t> taken = bytes_.subspan(position_, static_cast<size_t>(count));
    position_ += static_cast<size_t>(count);
    return taken;
  }

  // A count (u64) of things that take at least `bytes_each` bytes each. Throws kCorrupt when the
  // remaining bytes cannot hold them, so that the count may be used for allocation.
  uint64_t Count(uint64_t bytes_each, const char* what) {
    const uint64_t count = Number<uint64_t>(what);
    if (count > remaining() / bytes_each) {
      Fail(ErrorCode::kCorrupt,
           "{}: {} is {}, but the {} bytes left hold at most {}. "
           "Hint: the file is damaged or was not downloaded completely.",
           where_, what, count, remaining(), remaining() / bytes_each);
    }
    return count;
  }

 private:
  std::span<const uint8_t> bytes_;
  const std::string& where_;
  size_t position_ = 0;
};

}  // namespace tael
