// The operand of LDTILECFG: the sizes of the eight tile registers (Intel SDM volume 1, chapter 18).
// Included inside a table file.
namespace tael::TAEL_ISA {
namespace {

// A tile is up to 16 rows of up to 64 bytes.
inline constexpr size_t kTileRows = 16, kTileRowBytes = 64;

struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};  // the first eight count
  uint8_t rows[16] = {};        // so do these

  void Set(size_t tile, size_t count, size_t bytes) {
    rows[tile] = static_cast<uint8_t>(count);
    row_bytes[tile] = static_cast<uint16_t>(bytes);
  }
};
static_assert(sizeof(TileConfig) == 64);

}  // namespace
}  // namespace tael::TAEL_ISA
