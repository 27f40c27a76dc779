// Rows of the cache in each of its types: how they are written and how attention reads them
// (numerics.md, 6).
namespace tael::TAEL_ISA {
namespace {

// 32 elements share a scale: GGML's Q8_0 block, a binary16 and then the bytes.
struct ElementQ8 {
  static constexpr size_t kBlock = 32, kBlockBytes = 34, kScaleBytes = 2;
};
template <class Element>
inline constexpr bool kInBlocks = false;
template <>
inline constexpr bool kInBlocks<ElementQ8> = true;

// Groups of 16 elements that are best read together: those of one scale.
template <class Element>
inline constexpr size_t kGroups = kInBlocks<Element> ? ElementQ8::kBlock / kLanes : 1;

// Bytes of `count` elements, for block types a whole number of blocks.
template <class Element>
inline size_t BytesOf(size_t count) {
  if constexpr (kInBlocks<Element>) {
    return count / Element::kBlock * Element::kBlockBytes;
  } else {
    return count * Element::kBytes;
  }
}

// Elements 16 * group ... 16 * group + 15 from p on, where a block starts.
template <class Element>
[[gnu::always_inline]] inline F32x16 LoadGroup(const uint8_t* p, size_t group) {
  if constexpr (kInBlocks<Element>) {
    const uint8_t* block = p + group / kGroups<Element> * Element::kBlockBytes;
    const size_t first = group % kGroups<Element> * kLanes;
    return Mul(LoadInt8(block + Element::kScaleBytes + first), SplatHalf(block));
  } else {
    return LoadAs<Element>(p + group * kLanes * Element::kBytes);
  }
}

// The first `count` < 16 elements from p on. Rows of block types have no such rest.
template <class Element>
inline F32x16 LoadRest(const uint8_t* p, size_t count) {
  if constexpr (kInBlocks<Element>) {
    return Zero();
  } else {
    return LoadPartialAs<Element>(p, count);
  }
}

template <class Element>
inline void ConvertTo(const float* x, size_t n, uint8_t* out) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) StoreAs<Element>(Load(x + i), out + i * Element::kBytes);
  if (const size_t rest = n - i; rest != 0) {
    uint8_t group[kLanes * Element::kBytes];
    StoreAs<Element>(LoadPartial(x + i, rest), group);
    std::memcpy(out + i * Element::kBytes, group, rest * Element::kBytes);
  }
}

// One block of 32. Its bytes are those of quant/encode.h, except where that gives arbitrary ones.
inline void StoreQ8Block(const float* x, uint8_t* block) {
  MagnitudeBits magnitude = NoMagnitude();
  for (size_t i = 0; i < ElementQ8::kBlock; i += kLanes) Include(Load(x + i), &magnitude);
  const float d = std::bit_cast<float>(Largest(magnitude)) / 127.0f;
  uint16_t scale = FloatToHalf(d);
  uint8_t* bytes = block + ElementQ8::kScaleBytes;
  if (scale == 0 || !IsFiniteHalf(scale)) {
    if (scale != 0) scale = 0x7e00;  // a NaN, so that the block cannot pass for numbers
    std::memset(bytes, 0, ElementQ8::kBlock);
  } else {
    const float inverse = 1.0f / d;
    for (size_t i = 0; i < ElementQ8::kBlock; ++i) {
      const float scaled = x[i] * inverse;
      // The largest float below 1/2, cut off after: halves move away from zero and nothing else
      // is carried over.
      const float moved = scaled + __builtin_copysignf(0x1.fffffep-2f, scaled);
      bytes[i] = static_cast<uint8_t>(static_cast<int32_t>(moved));
    }
  }
  std::memcpy(block, &scale, sizeof(scale));
}

inline void ToCache(const float* x, size_t n, DType dtype, void* out) noexcept {
  uint8_t* bytes = static_cast<uint8_t*>(out);
  switch (dtype) {
    case DType::kF16:
      ConvertTo<ElementF16>(x, n, bytes);
      break;
    case DType::kBF16:
      ConvertTo<ElementBF16>(x, n, bytes);
      break;
    case DType::kQ8_0:
      for (size_t i = 0; i < n; i += ElementQ8::kBlock) {
        StoreQ8Block(x + i, bytes + BytesOf<ElementQ8>(i));
      }
      break;
    default:
      ConvertTo<ElementF32>(x, n, bytes);
      break;
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
