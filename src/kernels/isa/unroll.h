// Loops of constant length written out by the language. Unlike an unrolled loop, indices are
// constants from the start, so that the compiler keeps small arrays of vectors in registers.
// Included inside a table file.
namespace tael::TAEL_ISA {
namespace {

// Inlines a lambda even where the compiler's own measure says no.
#define TAEL_INLINE_LAMBDA __attribute__((always_inline))

// fn(0), fn(1), ..., fn(N - 1); the argument is a constant of type size_t.
template <size_t N, class Fn>
[[gnu::always_inline]] inline void ForEach(const Fn& fn) {
  [&]<size_t... I>(std::index_sequence<I...>) TAEL_INLINE_LAMBDA {
    (fn(std::integral_constant<size_t, I>()), ...);
  }(std::make_index_sequence<N>());
}

}  // namespace
}  // namespace tael::TAEL_ISA
