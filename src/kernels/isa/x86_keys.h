// Keys of Q8_0 side by side for integer products (impl/attention_pack.inl.h), on x86. Included
// inside a target region only, after the StoredKey() of its instruction set.
namespace tael::TAEL_ISA {
namespace {

// The 32 elements at `offset` of sixteen keys: eight times four elements of each.
inline void PackKeys(const uint8_t* const (&keys)[kLanes], size_t offset, uint8_t* out) {
  ForEach<2>([&](auto half) TAEL_INLINE_LAMBDA {
    Ints8 rows[8], quads[8];
    ForEach<8>([&](auto i) TAEL_INLINE_LAMBDA {
      rows[i] = StoredKey(LoadBytes(keys[8 * half + i] + offset));
    });
    TransposeInts(rows, quads);
    ForEach<8>([&](auto i) TAEL_INLINE_LAMBDA { StoreBytes(quads[i], out + 64 * i + 32 * half); });
  });
}

}  // namespace
}  // namespace tael::TAEL_ISA
