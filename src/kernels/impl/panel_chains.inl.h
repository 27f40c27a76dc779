// The chains of a tile of panels: the running sums of every activation row, in the first-level
// cache while the passes go over one panel after the other.
namespace tael::TAEL_ISA {
namespace {

template <size_t Panels, bool Minimum>
struct PanelChains {
  PanelLanes acc[Panels][kIntegerActs];
  PanelLanes accm[Minimum ? Panels : 1][kIntegerActs];

  void Clear(size_t panels, size_t rows, PanelLanes zero) {
    for (size_t p = 0; p < panels; ++p) {
      for (size_t i = 0; i < rows; ++i) {
        acc[p][i] = zero;
        if constexpr (Minimum) accm[p][i] = zero;
      }
    }
  }
};

}  // namespace
}  // namespace tael::TAEL_ISA
