// Keys of Q8_0 for integer products (numerics.md, 6): sixteen lie side by side, a lane for each,
// packed once for all queries of a call. Needs of the instruction set: PackKeys().
namespace tael::TAEL_ISA {
namespace {

// Sixteen keys: per block of 32 elements eight KeyQuads, then the scales as floats.
inline constexpr size_t kKeyBlockFloats = ElementQ8::kBlock * kLanes / 4 + kLanes;

// Positions whose packed keys fit the scratch memory of floats.
inline size_t CodesTogether(size_t head_dim) {
  const size_t set_floats = head_dim / ElementQ8::kBlock * kKeyBlockFloats;
  const size_t fitting = AttentionFloats(head_dim) / set_floats * kLanes;
  return fitting < kKvBlockSize ? fitting : kKvBlockSize;
}

// Packs the keys of a span into the scratch memory, the last one again up to a whole set. `next` is
// the block that is read afterwards.
inline void PackSpan(const AttentionArgs& a, const BlockPart& part, const void* block,
                     const Span& span, const void* next) {
  const uint8_t* from = static_cast<const uint8_t*>(block);
  const size_t row_bytes = BytesOf<ElementQ8>(a.head_dim);
  Ahead ahead(from, row_bytes, part, span, next);
  float* to = a.scratch;
  for (size_t j = span.begin; j < span.end; j += kLanes) {
    const uint8_t* keys[kLanes];
    for (size_t i = 0; i < kLanes; ++i) {
      keys[i] = from + part.place[j + i < span.end ? j + i : span.end - 1] * row_bytes;
    }
    for (size_t at = 0; at < row_bytes; at += ElementQ8::kBlockBytes, to += kKeyBlockFloats) {
      alignas(32) uint8_t scales[kLanes * 2];
      for (size_t i = 0; i < kLanes; ++i) std::memcpy(scales + 2 * i, keys[i] + at, 2);
      PackKeys(keys, at + ElementQ8::kScaleBytes, reinterpret_cast<uint8_t*>(to));
      Store(LoadAs<ElementF16>(scales), to + kKeyBlockFloats - kLanes);
    }
    ahead.Fetch(kLanes * row_bytes);
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
