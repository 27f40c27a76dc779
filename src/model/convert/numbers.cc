#include "model/convert/numbers.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "base/error.h"

namespace tael {
namespace {

constexpr size_t kPiece = size_t{1} << 16;  // numbers converted together

template <typename From, typename To>
std::function<void(const ByteSink&)> Converted(std::span<const uint8_t> bytes) {
  TAEL_CHECK(bytes.size() % sizeof(From) == 0);
  return [bytes](const ByteSink& sink) {
    std::vector<From> from;
    std::vector<To> to;
    for (size_t at = 0; at < bytes.size(); at += from.size() * sizeof(From)) {
      from.resize(std::min(kPiece, (bytes.size() - at) / sizeof(From)));
      std::memcpy(from.data(), bytes.data() + at, from.size() * sizeof(From));
      to.clear();
      for (const From number : from) {
        TAEL_CHECK(number >= std::numeric_limits<int32_t>::min() &&
                   number <= std::numeric_limits<int32_t>::max());
        to.push_back(static_cast<To>(number));
      }
      sink({reinterpret_cast<const uint8_t*>(to.data()), to.size() * sizeof(To)});
    }
  };
}

}  // namespace

std::function<void(const ByteSink&)> NumbersToGguf(std::span<const uint8_t> wide) {
  return Converted<int64_t, int32_t>(wide);
}

std::function<void(const ByteSink&)> NumbersToHf(std::span<const uint8_t> narrow) {
  return Converted<int32_t, int64_t>(narrow);
}

}  // namespace tael
