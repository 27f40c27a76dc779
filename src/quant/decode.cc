// Decoding of plain and block types to float32: the value of every type (docs/numerics.md, 3).
#include <cstring>

#include "quant/block_format.h"
#include "quant/dtype.h"
#include "quant/float_bits.h"

namespace tael {
namespace {

// out[i] = convert(element i), whatever the alignment of `bytes`.
template <typename Stored, typename Convert>
void DecodePlain(const uint8_t* bytes, int64_t count, float* out, Convert convert) noexcept {
  for (int64_t i = 0; i < count; ++i) {
    Stored stored;
    std::memcpy(&stored, bytes + i * static_cast<int64_t>(sizeof(Stored)), sizeof(Stored));
    out[i] = convert(stored);
  }
}

// The values of an unpacked block. A scale has at most 11 significant bits, sub-scale and weight
// together at most 13, so every product here is exact; only adding the offset rounds, once. (Q8_K
// has a float32 scale: there the one product rounds.)
void WriteValues(const IntegerBlock& block, size_t count, bool has_minimum, float* out) noexcept {
  for (size_t run = 0; run < count / 16; ++run) {
    const int8_t* w = block.w + 16 * run;
    float* values = out + 16 * run;
    const float scale = block.d * static_cast<float>(block.subscale[run]);
    for (int i = 0; i < 16; ++i) values[i] = scale * static_cast<float>(w[i]);
    if (!has_minimum) continue;
    const float offset = block.dm * static_cast<float>(block.minimum[run]);
    for (int i = 0; i < 16; ++i) values[i] += offset;
  }
}

void DecodeBlocks(const BlockFormat& format, const uint8_t* bytes, int64_t count,
                  float* out) noexcept {
  const size_t parts = format.elements / format.unit;
  const size_t blocks = static_cast<size_t>(count) / format.elements;
  IntegerBlock unpacked;
  for (size_t b = 0; b < blocks; ++b) {
    for (size_t part = 0; part < parts; ++part) {
      format.unpack(bytes + b * format.bytes, part, &unpacked);
      WriteValues(unpacked, format.unit, format.has_minimum, out);
      out += format.unit;
    }
  }
}

}  // namespace

bool CanDecode(DType dtype) {
  switch (dtype) {
    case DType::kF32:
    case DType::kF16:
    case DType::kBF16:
    case DType::kF64:
      return true;
    default:
      return FindBlockFormat(dtype) != nullptr;
  }
}

void DecodeRow(DType dtype, const uint8_t* bytes, int64_t count, float* out) noexcept {
  switch (dtype) {
    case DType::kF32:
      if (count > 0) std::memcpy(out, bytes, static_cast<size_t>(count) * sizeof(float));
      return;
    case DType::kF16:
      return DecodePlain<uint16_t>(bytes, count, out, [](uint16_t h) { return HalfToFloat(h); });
    case DType::kBF16:
      return DecodePlain<uint16_t>(bytes, count, out, [](uint16_t b) { return Bf16ToFloat(b); });
    case DType::kF64:
      return DecodePlain<double>(bytes, count, out, [](double v) { return static_cast<float>(v); });
    default:
      return DecodeBlocks(*FindBlockFormat(dtype), bytes, count, out);
  }
}

}  // namespace tael
