#include "ops/rope.h"

#include <algorithm>
#include <cmath>

#include "base/exact_math.h"
#include "ops/profile.h"

namespace tael {
namespace {

constexpr double kPi = 3.14159265358979323846;

// base^(-2i/n) rounded as Hugging Face does: the power in float32, then its reciprocal.
float BaseFrequency(double theta, int i, int n) {
  const auto exponent = static_cast<float>(2 * i) / static_cast<float>(n);
  return 1.0f / static_cast<float>(ExactPow(theta, static_cast<double>(exponent)));
}

// Long wavelengths are stretched by `factor`, short ones kept, the band between blended.
double BandedFrequency(const RopeSpec& spec, double frequency) {
  const double wavelength = 2 * kPi / frequency;
  const double low = spec.original_context / spec.low_freq_factor;
  const double high = spec.original_context / spec.high_freq_factor;
  if (wavelength < high) return frequency;
  if (wavelength > low) return frequency / spec.factor;
  const double t = (spec.original_context / wavelength - spec.low_freq_factor) /
                   (spec.high_freq_factor - spec.low_freq_factor);
  return (1 - t) * frequency / spec.factor + t * frequency;
}

// The dimension whose wavelength makes `rotations` turns within the original context.
double YarnCorrection(const RopeSpec& spec, double rotations) {
  return spec.rotary_dim * ExactLog(spec.original_context / (rotations * 2 * kPi)) /
         (2 * ExactLog(spec.theta));
}

std::vector<double> YarnFrequencies(const RopeSpec& spec, const std::vector<double>& plain) {
  double low = YarnCorrection(spec, spec.beta_fast), high = YarnCorrection(spec, spec.beta_slow);
  if (spec.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, spec.rotary_dim - 1.0);
  if (low == high) high += 0.001;
  std::vector<double> out(plain.size());
  for (size_t i = 0; i < plain.size(); ++i) {
    const double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    out[i] = plain[i] / spec.factor * ramp + plain[i] * (1 - ramp);
  }
  return out;
}

}  // namespace

RopeFrequencies ComputeRopeFrequencies(const RopeSpec& spec) {
  if (spec.pairing == RopePairing::kNone) return {.pairing = RopePairing::kNone};
  const int half = spec.rotary_dim / 2;
  std::vector<double> inverse(static_cast<size_t>(half));
  for (int i = 0; i < half; ++i) {
    inverse[static_cast<size_t>(i)] = BaseFrequency(spec.theta, i, spec.rotary_dim);
  }
  switch (spec.scaling) {
    case RopeScalingKind::kNone:
    case RopeScalingKind::kPerDimension:
      break;
    case RopeScalingKind::kLinear:
      for (double& f : inverse) f /= spec.factor;
      break;
    case RopeScalingKind::kFrequencyBands:
      for (double& f : inverse) f = BandedFrequency(spec, f);
      break;
    case RopeScalingKind::kYarn:
      inverse = YarnFrequencies(spec, inverse);
      break;
  }
  RopeFrequencies out;
  out.attention_factor = static_cast<float>(spec.attention_factor);
  out.pairing = spec.pairing;
  for (size_t i = 0; i < inverse.size(); ++i) {
    const double divisor = spec.divisors.empty() ? 1.0 : static_cast<double>(spec.divisors[i]);
    out.inverse.push_back(static_cast<float>(inverse[i] / divisor));
  }
  return out;
}

RopeTables MakeRopeTables(const RopeFrequencies& frequencies, const std::vector<int32_t>& positions,
                          ComputeContext& ctx) {
  const OpScope scope(ctx.profile, OpKind::kRope);
  const auto rows = static_cast<int64_t>(positions.size());
  const auto half = static_cast<int64_t>(frequencies.inverse.size());
  RopeTables tables{{ctx.arena.Allocate<float>(rows * half), rows, half, half},
                    {ctx.arena.Allocate<float>(rows * half), rows, half, half}};
  ctx.pool.ParallelFor(rows, ctx.GrainFor(64 * half), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const auto position = static_cast<float>(positions[static_cast<size_t>(t)]);
      for (int64_t i = 0; i < half; ++i) {
        const float angle = position * frequencies.inverse[static_cast<size_t>(i)];
        const float factor = frequencies.attention_factor;
        tables.cos.row(t)[i] = static_cast<float>(ExactCos(static_cast<double>(angle))) * factor;
        tables.sin.row(t)[i] = static_cast<float>(ExactSin(static_cast<double>(angle))) * factor;
      }
    }
  });
  return tables;
}

void StepRopeTables::Add(const RopeFrequencies& frequencies, const std::vector<int32_t>& positions,
                         ComputeContext& ctx) {
  if (frequencies.pairing == RopePairing::kNone || Find(frequencies) != nullptr) return;
  entries_.push_back({&frequencies, MakeRopeTables(frequencies, positions, ctx)});
}

const RopeTables* StepRopeTables::Find(const RopeFrequencies& frequencies) const {
  for (const Entry& entry : entries_) {
    const RopeFrequencies& mine = *entry.frequencies;
    if (&mine == &frequencies || (mine.attention_factor == frequencies.attention_factor &&
                                  mine.inverse == frequencies.inverse)) {
      return &entry.tables;
    }
  }
  return nullptr;
}

void ApplyRope(const RopeFrequencies& frequencies, const RopeTables& tables, int head_dim,
               MatrixView<float> x, ComputeContext& ctx) {
  const OpScope scope(ctx.profile, OpKind::kRope);
  const bool interleaved = frequencies.pairing == RopePairing::kInterleaved;
  ctx.pool.ParallelFor(x.rows, ctx.GrainFor(2 * x.cols), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      for (int64_t offset = 0; offset < x.cols; offset += head_dim) {
        ctx.kernels.rope(x.row(t) + offset, tables.cos.row(t), tables.sin.row(t),
                         frequencies.inverse.size(), interleaved);
      }
    }
  });
}

}  // namespace tael
