#include "model/convert/mxfp4.h"

#include <vector>

#include "base/error.h"

namespace tael {
namespace {

constexpr size_t kCodeBytes = 16, kBlockBytes = 17;

uint8_t Code(const uint8_t* pairs, size_t i) {
  return static_cast<uint8_t>(i % 2 == 0 ? pairs[i / 2] & 15 : pairs[i / 2] >> 4);
}

}  // namespace

std::function<void(const ByteSink&)> Mxfp4ToGguf(const Mxfp4Rows& shape,
                                                 std::span<const uint8_t> codes,
                                                 std::span<const uint8_t> scales) {
  const auto blocks = static_cast<size_t>(shape.blocks);
  TAEL_CHECK(scales.size() == static_cast<size_t>(shape.experts * shape.rows) * blocks);
  TAEL_CHECK(codes.size() == scales.size() * kCodeBytes);
  return [=](const ByteSink& sink) {
    std::vector<uint8_t> row(blocks * kBlockBytes);
    for (int64_t expert = 0; expert < shape.experts; ++expert) {
      for (int64_t r = shape.first; r < shape.rows; r += shape.step) {
        const auto start = static_cast<size_t>(expert * shape.rows + r) * blocks;
        for (size_t b = 0; b < blocks; ++b) {
          const uint8_t* from = codes.data() + (start + b) * kCodeBytes;
          uint8_t* to = row.data() + b * kBlockBytes;
          to[0] = scales[start + b];
          for (size_t i = 0; i < kCodeBytes; ++i) {
            to[1 + i] = static_cast<uint8_t>(Code(from, i) | (Code(from, i + kCodeBytes) << 4));
          }
        }
        sink(row);
      }
    }
  };
}

std::function<void(const ByteSink&)> Mxfp4ToHf(const Mxfp4Rows& shape,
                                               std::span<const uint8_t> even,
                                               std::span<const uint8_t> odd, bool scales) {
  const auto blocks = static_cast<size_t>(shape.blocks);
  TAEL_CHECK(even.size() + odd.size() ==
             static_cast<size_t>(shape.experts * shape.rows) * blocks * kBlockBytes);
  return [=](const ByteSink& sink) {
    std::vector<uint8_t> row(blocks * (scales ? 1 : kCodeBytes));
    const int64_t tensors = odd.empty() ? 1 : 2;
    for (int64_t i = 0; i < shape.experts * shape.rows; ++i) {
      const std::span<const uint8_t> from = i % tensors == 0 ? even : odd;
      const uint8_t* block = from.data() + static_cast<size_t>(i / tensors) * blocks * kBlockBytes;
      for (size_t b = 0; b < blocks; ++b, block += kBlockBytes) {
        if (scales) {
          row[b] = block[0];
          continue;
        }
        for (size_t j = 0; j < kCodeBytes; ++j) {
          // Codes 2 j and 2 j + 1, both in the low or both in the high halves.
          const uint8_t low = block[1 + 2 * j % kCodeBytes], high = block[2 + 2 * j % kCodeBytes];
          const bool upper = 2 * j >= kCodeBytes;
          row[b * kCodeBytes + j] = static_cast<uint8_t>(upper ? (low >> 4) | (high & 0xF0)
                                                               : (low & 15) | ((high & 15) << 4));
        }
      }
      sink(row);
    }
  };
}

}  // namespace tael
