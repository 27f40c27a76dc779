// Integer products of keys with 8-bit queries (impl/attention_codes.inl.h) on AVX2. The first
// factor of a product is unsigned: the key's magnitude; the query takes the sign. No pair of
// products exceeds 2 * 128 * 127, which 16 bits hold. Included inside a target region only.
namespace tael::TAEL_ISA {
namespace {

// Sets of 16 keys that [1], [2], ... queries are multiplied by side by side.
inline constexpr size_t kKeySets[] = {0, 1, 1, 1};

// Four elements of sixteen keys, and their magnitudes.
struct KeyQuads {
  Bytes32 key[2], magnitude[2];
};
// Their products with a query, a lane for each key.
struct KeySums {
  Ints8 part[2];
};

// 32 bytes of a key as they are stored.
inline Bytes32 StoredKey(Bytes32 key) { return key; }
inline KeyQuads LoadKeyQuads(const uint8_t* p) {
  const Bytes32 low = LoadBytes(p), high = LoadBytes(p + 32);
  return {{low, high}, {Magnitudes(low), Magnitudes(high)}};
}
inline KeySums StartKeySums(int32_t /*sum*/) { return {{ZeroInts(), ZeroInts()}}; }
inline KeySums AddKeyQuads(KeySums sums, const KeyQuads& keys, Bytes32 query) {
  ForEach<2>([&](auto i) TAEL_INLINE_LAMBDA {
    sums.part[i] =
        AddInts(sums.part[i], DotQuads(keys.magnitude[i], WithSignOf(keys.key[i], query)));
  });
  return sums;
}
inline Bytes32 LoadQueryQuad(const int8_t* q) { return Broadcast4Bytes(q); }
inline F32x16 ToFloats(const KeySums& v) { return {ToFloats(v.part[0]), ToFloats(v.part[1])}; }

}  // namespace
}  // namespace tael::TAEL_ISA
