// Arithmetic that flushes denormals to zero on x86 (docs/numerics.md, 17): MXCSR says so while the
// scope lasts. Included inside a target region only.
namespace tael::TAEL_ISA {
namespace {

// In between, functions that are not inlined compute: the compiler sees no order of arithmetic and
// of what changes its mode.
class FlushDenormals {
 public:
  FlushDenormals() : before_(_mm_getcsr()) {
    constexpr unsigned kToZero = 0x8000, kAreZero = 0x0040;  // results, operands
    _mm_setcsr(before_ | kToZero | kAreZero);
  }
  ~FlushDenormals() { _mm_setcsr(before_); }
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  unsigned before_;
};

inline F32x16 FlushedFma(const F32x16& a, const F32x16& b, const F32x16& c) { return Fma(a, b, c); }
inline F32x16 FlushedAdd(const F32x16& a, const F32x16& b) { return Add(a, b); }

}  // namespace
}  // namespace tael::TAEL_ISA
