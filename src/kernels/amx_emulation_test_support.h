// The tile unit of AMX in plain C++, as Intel's manual defines it (SDM volume 2: LDTILECFG,
// TILELOADD, TILESTORED, TDPBSSD, TDPBF16PS and their pseudo code). What the processor would refuse
// is recorded, not done.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/flushed_float.h"
#include "quant/float_bits.h"

namespace tael {

class TileUnit {
 public:
  static constexpr size_t kTiles = 8, kRows = 16, kRowBytes = 64;

  // The unit of this thread.
  static TileUnit& Mine() {
    static thread_local TileUnit unit;
    return unit;
  }
  // The first thing that the processor would have refused; null: none. Then forgets it.
  const char* TakeFault() {
    const char* fault = fault_;
    fault_ = nullptr;
    return fault;
  }
  bool released() const { return !configured_; }
  // From now on one sum in 256 is off by one, for tests of what finds that.
  void BreakProducts(bool broken) { broken_ = broken; }

  void Configure(const void* operand) {
    uint8_t config[64];
    std::memcpy(config, operand, sizeof(config));
    Release();
    if (config[0] != 1) return Refuse("another palette than 1");
    if (config[1] != 0) return Refuse("a start row that is not 0");
    if (std::any_of(config + 2, config + 16, [](uint8_t byte) { return byte != 0; }) ||
        std::any_of(config + 32, config + 48, [](uint8_t byte) { return byte != 0; }) ||
        std::any_of(config + 56, config + 64, [](uint8_t byte) { return byte != 0; })) {
      return Refuse("reserved bytes that are not 0");
    }
    for (size_t t = 0; t < kTiles; ++t) {
      uint16_t bytes;
      std::memcpy(&bytes, config + 16 + 2 * t, sizeof(bytes));
      const size_t rows = config[48 + t];
      if (rows > kRows || bytes > kRowBytes) return Refuse("a tile that is too large");
      if ((rows == 0) != (bytes == 0)) return Refuse("a tile with rows or columns only");
      tiles_[t].rows = rows;
      tiles_[t].bytes = bytes;
    }
    configured_ = true;
  }
  void Release() {
    configured_ = false;
    for (Tile& tile : tiles_) tile = Tile();
  }

  void Zero(size_t t) {
    if (Has(t)) std::memset(tiles_[t].data, 0, sizeof(tiles_[t].data));
  }
  // Rows and columns beyond the configuration become 0.
  void Load(size_t t, const void* p, size_t stride) {
    if (!Has(t)) return;
    Tile& tile = tiles_[t];
    std::memset(tile.data, 0, sizeof(tile.data));
    for (size_t r = 0; r < tile.rows; ++r) {
      std::memcpy(tile.data[r], static_cast<const uint8_t*>(p) + r * stride, tile.bytes);
    }
  }
  void Store(size_t t, void* p, size_t stride) {
    if (!Has(t)) return;
    const Tile& tile = tiles_[t];
    for (size_t r = 0; r < tile.rows; ++r) {
      std::memcpy(static_cast<uint8_t*>(p) + r * stride, tile.data[r], tile.bytes);
    }
  }

  // TDPBSSD (both signed) and its relatives: 32-bit sums that wrap around. Rows beyond the
  // configuration become 0.
  void Multiply(size_t sum, size_t left, size_t right, bool left_signed, bool right_signed) {
    if (!Fit(sum, left, right)) return;
    Tile &c = tiles_[sum], &a = tiles_[left], &b = tiles_[right];
    for (size_t m = 0; m < c.rows; ++m) {
      for (size_t n = 0; n < c.bytes / 4; ++n) {
        uint32_t total;
        std::memcpy(&total, c.data[m] + 4 * n, sizeof(total));
        for (size_t k = 0; k < a.bytes; ++k) {
          const int x = Byte(a.data[m][k], left_signed);
          const int y = Byte(b.data[k / 4][4 * n + k % 4], right_signed);
          total += static_cast<uint32_t>(x * y);
        }
        std::memcpy(c.data[m] + 4 * n, &total, sizeof(total));
      }
    }
    if (broken_) c.data[c.rows - 1][0] ^= 1;
    std::memset(c.data + c.rows, 0, (kRows - c.rows) * kRowBytes);
  }

  // TDPBF16PS: per output, the first and the second elements of pairs are a chain each.
  void MultiplyBf16(size_t sum, size_t left, size_t right) {
    if (!Fit(sum, left, right)) return;
    Tile &c = tiles_[sum], &a = tiles_[left], &b = tiles_[right];
    for (size_t m = 0; m < c.rows; ++m) {
      for (size_t n = 0; n < c.bytes / 4; ++n) {
        float chains[2] = {0, 0};
        for (size_t k = 0; k < a.bytes / 2; ++k) {
          const float x = Bf16(a.data[m] + 2 * k);
          const float y = Bf16(b.data[k / 2] + 4 * n + 2 * (k % 2));
          chains[k % 2] = FlushedFma(x, y, chains[k % 2]);
        }
        float total;
        std::memcpy(&total, c.data[m] + 4 * n, sizeof(total));
        total = FlushedAdd(FlushDenormal(total), FlushedAdd(chains[0], chains[1]));
        std::memcpy(c.data[m] + 4 * n, &total, sizeof(total));
      }
    }
    if (broken_) c.data[c.rows - 1][0] ^= 1;
    std::memset(c.data + c.rows, 0, (kRows - c.rows) * kRowBytes);
  }

 private:
  struct Tile {
    size_t rows = 0, bytes = 0;
    uint8_t data[kRows + 1][kRowBytes] = {};  // one more: the row behind the last has an address
  };

  static int Byte(uint8_t byte, bool with_sign) {
    return with_sign ? static_cast<int8_t>(byte) : byte;
  }
  static float Bf16(const uint8_t* p) {
    uint16_t bits;
    std::memcpy(&bits, p, sizeof(bits));
    return FlushDenormal(Bf16ToFloat(bits));
  }
  // Whether a product of these tiles can be.
  bool Fit(size_t sum, size_t left, size_t right) {
    if (!Has(sum) || !Has(left) || !Has(right)) return false;
    if (sum == left || sum == right || left == right) {
      Refuse("a tile as two operands");
      return false;
    }
    const Tile &c = tiles_[sum], &a = tiles_[left], &b = tiles_[right];
    if (c.rows != a.rows || c.bytes != b.bytes || a.bytes / 4 != b.rows || a.bytes % 4 != 0 ||
        c.bytes % 4 != 0) {
      Refuse("tiles that do not fit each other");
      return false;
    }
    return true;
  }
  void Refuse(const char* what) {
    if (fault_ == nullptr) fault_ = what;
  }
  bool Has(size_t t) {
    if (!configured_ || tiles_[t].rows == 0) Refuse("a tile that is not configured");
    return configured_ && tiles_[t].rows != 0;
  }

  bool configured_ = false, broken_ = false;
  Tile tiles_[kTiles];
  const char* fault_ = nullptr;
};

}  // namespace tael
