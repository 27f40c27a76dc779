// Keys of Q8_0 for tile registers (impl/attention_code_tiles.inl.h), whose products have signs on
// both sides. Included inside a target region only.
namespace tael::TAEL_ISA {
namespace {

// 32 bytes of a key as they are stored.
inline Bytes32 StoredKey(Bytes32 key) { return key; }

}  // namespace
}  // namespace tael::TAEL_ISA
