// The chains of a tile of panels: the running sums of every activation row, in the first-level
// cache while the passes go over one panel after the other.
namespace tael::TAEL_ISA {
namespace {

template <size_t Panels, bool Minimum, size_t Acts = kIntegerActs>
struct PanelChains {
  PanelLanes acc[Panels][Acts];
  PanelLanes accm[Minimum ? Panels : 1][Acts];

  void Clear(size_t panels, size_t rows, PanelLanes zero) {
    for (size_t p = 0; p < panels; ++p) {
      for (size_t i = 0; i < rows; ++i) {
        acc[p][i] = zero;
        if constexpr (Minimum) accm[p][i] = zero;
      }
    }
  }
};

// What a pass over the panels of a tile of interleaved rows covers: blocks [first, first + count)
// of them, `starts` and `ends` where these are the first and the last ones. The first pass starts
// the chains, the last one writes the outputs.
struct PanelPass {
  size_t first, count;
  bool starts, ends;
  size_t begin, j;  // activation row and weight row of the tile
};

}  // namespace
}  // namespace tael::TAEL_ISA
