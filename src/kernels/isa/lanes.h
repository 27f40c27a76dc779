// Searches among the lanes of a vector without NaN, for every CPU. Included inside a table file,
// after the 16-lane vector.
namespace tael::TAEL_ISA {
namespace {

inline float LargestNumber(const F32x16& v) {
  float lane[kLanes];
  Store(v, lane);
  float largest = lane[0];
  for (const float number : lane) largest = number > largest ? number : largest;
  return largest;
}

// The first lane that equals `value`, which one of them does.
inline int FirstLaneOf(const F32x16& v, float value) {
  float lane[kLanes];
  Store(v, lane);
  int first = 0;
  while (lane[first] != value) ++first;
  return first;
}

}  // namespace
}  // namespace tael::TAEL_ISA
