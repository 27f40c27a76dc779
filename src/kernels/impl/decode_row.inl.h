// Rows of any stored type as floats: the values of quant/decode.cc, with vectors. Products of
// scales, sub-scales and weights are exact there; the one addition that rounds is the fused one
// here.
#include "kernels/impl/block_formats.inl.h"

namespace tael::TAEL_ISA {
namespace {

// 16 values, all of one run.
template <class F>
[[gnu::always_inline]] inline void WriteRun(const int8_t* w, float scale, float offset,
                                            float* out) {
  const F32x16 weights = LoadInt8(reinterpret_cast<const uint8_t*>(w));
  if constexpr (F::kMinimum) {
    Store(Fma(weights, Splat(scale), Splat(offset)), out);
  } else {
    Store(Mul(weights, Splat(scale)), out);
  }
}

template <class F>
[[gnu::always_inline]] inline void WriteBlock(const F& f, const uint8_t* block, size_t r, float d,
                                              float dm, float* out) {
  alignas(32) int8_t w[F::kSize];
  PlainWeights(f, block, r, w);
  if constexpr (F::kSize == 32) {
    ForEach<2>([&](auto run)
                   TAEL_INLINE_LAMBDA { WriteRun<F>(w + 16 * run, d, dm, out + 16 * run); });
  } else {
    int16_t subscale[16], minimum[16] = {};
    PlainRuns(f, block, r, subscale, minimum);
    float scale[16], offset[16] = {};
    for (size_t run = 0; run < 16; ++run) scale[run] = d * static_cast<float>(subscale[run]);
    if constexpr (F::kMinimum) {
      for (size_t run = 0; run < 16; ++run) offset[run] = dm * static_cast<float>(minimum[run]);
    }
    ForEach<16>([&](auto run) TAEL_INLINE_LAMBDA {
      WriteRun<F>(w + 16 * run, scale[run], offset[run], out + 16 * run);
    });
  }
}

// Eight blocks at a time take the place of the eight rows that a format reads scales of.
template <class F>
void DecodeBlocks(const uint8_t* bytes, size_t blocks, float* out) {
  constexpr size_t kBytes = sizeof(typename F::Block);
  const F f;
  for (size_t first = 0; first < blocks; first += kRowTile) {
    const size_t count = blocks - first < kRowTile ? blocks - first : kRowTile;
    const uint8_t* at[kRowTile];
    for (size_t r = 0; r < kRowTile; ++r) {
      at[r] = bytes + (first + (r < count ? r : count - 1)) * kBytes;
    }
    float d[kRowTile], dm[kRowTile];
    StoreFloats(f.Scales(at, 0), d, kRowTile);
    StoreFloats(f.MinimumScales(at, 0), dm, kRowTile);
    for (size_t r = 0; r < count; ++r) {
      WriteBlock(f, at[r], r, d[r], dm[r], out + (first + r) * F::kSize);
    }
  }
}

template <class Element>
void DecodeElements(const uint8_t* bytes, size_t count, float* out) {
  size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    Store(LoadAs<Element>(bytes + i * Element::kBytes), out + i);
  }
  if (i < count) {
    StorePartial(LoadPartialAs<Element>(bytes + i * Element::kBytes, count - i), out + i,
                 count - i);
  }
}

void DecodeStoredRow(DType dtype, const uint8_t* bytes, int64_t count, float* out) noexcept {
  const auto elements = static_cast<size_t>(count);
#define TAEL_CASE(name) \
  case DType::k##name:  \
    return DecodeBlocks<Format##name>(bytes, elements / Format##name::kSize, out);
  switch (dtype) {
    TAEL_BLOCK_FORMATS(TAEL_CASE)
    case DType::kF16:
      return DecodeElements<ElementF16>(bytes, elements, out);
    case DType::kBF16:
      return DecodeElements<ElementBF16>(bytes, elements, out);
    default:
      return ::tael::DecodeRow(dtype, bytes, count, out);
  }
#undef TAEL_CASE
}

}  // namespace
}  // namespace tael::TAEL_ISA
