// The tile registers of AMX: eight, numbered by the caller, because the instructions name them.
// They are state of the thread: Configure() sets their sizes and clears them, ReleaseTiles() gives
// them back, in between any function may use them. Written as asm, not with the compilers' own
// functions: GCC's do not tell it that a tile is loaded from memory, and it would put off what must
// be stored before. Included inside a target region only.
namespace tael::TAEL_ISA {
namespace {

inline void ConfigureTiles(const TileConfig& config) { asm volatile("ldtilecfg %0" ::"m"(config)); }
inline void ReleaseTiles() { asm volatile("tilerelease"); }

template <int Tile>
[[gnu::always_inline]] inline void ZeroTile() {
  asm volatile("tilezero %%tmm%c0" ::"i"(Tile));
}
// Rows are `stride` bytes apart.
template <int Tile>
[[gnu::always_inline]] inline void LoadTile(const void* p, size_t stride) {
  asm volatile("tileloadd (%1,%2,1), %%tmm%c0" ::"i"(Tile), "r"(p), "r"(stride) : "memory");
}
template <int Tile>
[[gnu::always_inline]] inline void StoreTile(void* p, size_t stride) {
  asm volatile("tilestored %%tmm%c0, (%1,%2,1)" ::"i"(Tile), "r"(p), "r"(stride) : "memory");
}
// Int (m, n) of Sum += the products of row m of Left and column n of Right, bytes in fours: byte
// 4g + e of the row and byte 4n + e of row g.
template <int Sum, int Left, int Right>
[[gnu::always_inline]] inline void AddSignedProducts() {
  asm volatile("tdpbssd %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(Sum), "i"(Left), "i"(Right));
}
// The same where the bytes of Right have no sign.
template <int Sum, int Left, int Right>
[[gnu::always_inline]] inline void AddSignedUnsignedProducts() {
  asm volatile("tdpbsud %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(Sum), "i"(Left), "i"(Right));
}
// Float (m, n) of Sum += the products of row m of Left and column n of Right, BF16 numbers in
// pairs: the first ones of all pairs are a chain from 0 in ascending order, the second ones
// another, and Sum gets what both add up to (Intel SDM, TDPBF16PS).
template <int Sum, int Left, int Right>
[[gnu::always_inline]] inline void AddBf16Products() {
  asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(Sum), "i"(Left), "i"(Right));
}

}  // namespace
}  // namespace tael::TAEL_ISA
