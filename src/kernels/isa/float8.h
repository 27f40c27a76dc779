// E4M3 codes as binary16 numbers (impl/matmul_float8.inl.h), for every CPU but x86. Included inside
// a table file, after quant/packed/bytes16.inl.h.
namespace tael::TAEL_ISA {
namespace {

inline F32x16 Float8AsHalves(Bytes16 codes) {
  using Shorts8 [[gnu::vector_size(16)]] = int16_t;
  const Bytes16 none = {};
  constexpr auto kKept = static_cast<int16_t>(0xbfff);
  const Shorts8 low = (std::bit_cast<Shorts8>(ZipLow(none, codes)) >> 1) & kKept;
  const Shorts8 high = (std::bit_cast<Shorts8>(ZipHigh(none, codes)) >> 1) & kKept;
  uint8_t bytes[32];
  std::memcpy(bytes, &low, sizeof(low));
  std::memcpy(bytes + 16, &high, sizeof(high));
  return LoadAs<ElementF16>(bytes);
}

}  // namespace
}  // namespace tael::TAEL_ISA
