// Strips of pairs (impl/bf16_product.inl.h) dword by dword, for every CPU. Included inside a table
// file.
namespace tael::TAEL_ISA {
namespace {

// Sixteen dwords of each of sixteen rows, `offset` bytes behind their pointers: dword i of all rows
// goes to out[i * Strips].
template <size_t Strips>
inline void TransposePairs(const uint8_t* const* rows, size_t offset, uint32_t (*out)[16]) {
  for (size_t r = 0; r < 16; ++r) {
    for (size_t i = 0; i < 16; ++i) {
      std::memcpy(&out[i * Strips][r], rows[r] + offset + 4 * i, sizeof(uint32_t));
    }
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
