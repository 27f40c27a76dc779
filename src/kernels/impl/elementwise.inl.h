// Kernels that touch every element once: norm, rope, additions, activations, exp.
namespace tael::TAEL_ISA {
namespace {

// Runs out[i] = fn(a[i], b[i]) in groups of 16; the tail is computed on zero-filled lanes.
template <class Fn>
inline void ForEachPair(const float* a, const float* b, size_t n, float* out, Fn fn) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) Store(fn(Load(a + i), Load(b + i)), out + i);
  if (const size_t rest = n - i; rest != 0) {
    StorePartial(fn(LoadPartial(a + i, rest), LoadPartial(b + i, rest)), out + i, rest);
  }
}

void Add(const float* x, size_t n, float* y) noexcept {
  ForEachPair(x, y, n, y, [](const F32x16& a, const F32x16& b) { return Add(b, a); });
}

void ExpArray(const float* x, size_t n, float* out) noexcept {
  ForEachPair(x, x, n, out, [](const F32x16& a, const F32x16&) { return Exp(a); });
}

void SiluMultiply(const float* gate, const float* up, size_t n, float* out) noexcept {
  ForEachPair(gate, up, n, out, [](const F32x16& g, const F32x16& u) {
    const F32x16 one = Splat(1.0f);
    const F32x16 denominator = Add(one, Exp(Sub(Splat(-0.0f), g)));  // -0 - g is -g, exactly
    return Mul(Div(g, denominator), u);
  });
}

void Silu(const float* x, size_t n, float* out) noexcept {
  ForEachPair(x, x, n, out, [](const F32x16& v, const F32x16&) {
    return Div(v, Add(Splat(1.0f), Exp(Sub(Splat(-0.0f), v))));
  });
}

void SigmoidMultiply(const float* gate, const float* x, size_t n, float* out) noexcept {
  ForEachPair(gate, x, n, out, [](const F32x16& g, const F32x16& v) {
    return Div(v, Add(Splat(1.0f), Exp(Sub(Splat(-0.0f), g))));
  });
}

// GELU (Hendrycks & Gimpel 2016, arXiv:1606.08415) by its tanh approximation. Because
// (1 + tanh(u)) / 2 = 1 / (1 + exp(-2 u)), it is SiLU's form with a cubic in the exponent.
inline constexpr float kGeluLinear = -0x1.988454p+0f;  // -2 sqrt(2 / pi)
inline constexpr float kGeluCubic = -0x1.2444f2p-4f;   // that times 0.044715

void GeluTanhMultiply(const float* gate, const float* up, size_t n, float* out) noexcept {
  ForEachPair(gate, up, n, out, [](const F32x16& g, const F32x16& u) {
    const F32x16 slope = Fma(Mul(g, g), Splat(kGeluCubic), Splat(kGeluLinear));
    const F32x16 denominator = Add(Splat(1.0f), Exp(Mul(g, slope)));
    return Mul(Div(g, denominator), u);
  });
}

inline F32x16 Negate(const F32x16& v) { return Sub(Splat(-0.0f), v); }  // exactly, also zeros

// SwiGLU (Shazeer 2020, arXiv:2002.05202) on limited inputs, steeper by alpha. A NaN stays one.
void ClampedSiluMultiply(const float* gate, const float* up, size_t n, const ClampedSilu& form,
                         float* out) noexcept {
  ForEachPair(gate, up, n, out, [&](const F32x16& g, const F32x16& u) {
    const F32x16 lowest = Splat(-form.limit);
    const F32x16 limited_g = Negate(Max(Negate(g), lowest));
    const F32x16 limited_u = Negate(Max(Negate(Max(u, lowest)), lowest));
    const F32x16 denominator = Add(Splat(1.0f), Exp(Mul(limited_g, Splat(-form.alpha))));
    return Mul(Div(limited_g, denominator), Add(limited_u, Splat(form.up_offset)));
  });
}

// RMSNorm, Zhang & Sennrich 2019, arXiv:1910.07467. One chain of lanes: the order of the sum is
// part of the contract, and a row is short.
void RmsNorm(const float* x, const float* gain, float eps, size_t n, float* out) noexcept {
  F32x16 squares = Zero();
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    const F32x16 v = Load(x + i);
    squares = Fma(v, v, squares);
  }
  if (i < n) {
    const F32x16 v = LoadPartial(x + i, n - i);
    squares = Fma(v, v, squares);
  }
  const float mean = ReduceAdd(squares) / static_cast<float>(n);
  const F32x16 scale = Splat(1.0f / std::sqrt(mean + eps));
  ForEachPair(x, gain, n, out,
              [&](const F32x16& v, const F32x16& g) { return Mul(g, Mul(v, scale)); });
}

// Sources of the rotation (Su et al. 2021, arXiv:2104.09864): halves as in Hugging Face,
// interleaved as in the original paper.
void Rope(float* x, const float* cos, const float* sin, size_t half, bool interleaved) noexcept {
  size_t i = 0;
  if (interleaved) {
    for (; i < half; ++i) {
      const float a = x[2 * i], b = x[2 * i + 1];
      x[2 * i] = FmaScalar(a, cos[i], -(b * sin[i]));
      x[2 * i + 1] = FmaScalar(b, cos[i], a * sin[i]);
    }
    return;
  }
  for (; i + kLanes <= half; i += kLanes) {
    const F32x16 a = Load(x + i), b = Load(x + half + i);
    const F32x16 c = Load(cos + i), s = Load(sin + i);
    Store(Fma(a, c, Sub(Splat(-0.0f), Mul(b, s))), x + i);
    Store(Fma(b, c, Mul(a, s)), x + half + i);
  }
  for (; i < half; ++i) {
    const float a = x[i], b = x[half + i];
    x[i] = FmaScalar(a, cos[i], -(b * sin[i]));
    x[half + i] = FmaScalar(b, cos[i], a * sin[i]);
  }
}

float SoftmaxNumerators(float* x, size_t n) noexcept {
  if (n == 0) return 0.0f;
  F32x16 largest = Splat(x[0]);
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) largest = Max(largest, Load(x + i));
  float maximum = ReduceMax(largest);
  for (; i < n; ++i) maximum = MaxScalar(maximum, x[i]);

  const F32x16 offset = Splat(maximum);
  F32x16 sum = Zero();
  for (i = 0; i + kLanes <= n; i += kLanes) {
    const F32x16 e = Exp(Sub(Load(x + i), offset));
    Store(e, x + i);
    sum = Add(sum, e);
  }
  if (const size_t rest = n - i; rest != 0) {
    StorePartial(Exp(Sub(LoadPartial(x + i, rest), offset)), x + i, rest);
    sum = Add(sum, LoadPartial(x + i, rest));
  }
  return ReduceAdd(sum);
}

}  // namespace
}  // namespace tael::TAEL_ISA
