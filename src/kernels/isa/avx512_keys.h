// Integer products of keys with 8-bit queries (impl/attention_codes.inl.h) by VNNI, which wants
// unsigned bytes: keys are stored + 128, and a sum starts with what that adds. Included inside a
// target region only.
namespace tael::TAEL_ISA {
namespace {

// Sets of 16 keys that [1], [2], ... queries are multiplied by side by side.
inline constexpr size_t kKeySets[] = {0, 4, 4, 0, 2};

// Four elements of sixteen keys; their products with a query, a lane for each key.
using KeyQuads = I32x16;
using KeySums = I32x16;

// 32 bytes of a key as they are stored.
inline Bytes32 StoredKey(Bytes32 key) { return Add128(key); }
inline KeyQuads LoadKeyQuads(const uint8_t* p) { return LoadInts16(p); }
// `sum` is that of the query's 32 elements.
inline KeySums StartKeySums(int32_t sum) { return SplatInts16(-128 * sum); }
inline KeySums AddKeyQuads(KeySums sums, const KeyQuads& keys, I32x16 query) {
  return AddQuads(sums, keys, query);
}
inline I32x16 LoadQueryQuad(const int8_t* q) { return Broadcast4Bytes16(q); }

}  // namespace
}  // namespace tael::TAEL_ISA
