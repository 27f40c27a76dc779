#include "model/convert/rope_bands.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "ops/rope.h"

namespace tael {
namespace {

// Of quotients of numbers that were rounded to float32.
constexpr double kTolerance = 1e-6;

// What all published models have.
constexpr double kUsualHigh = 4;

// One divisor between 1 and the factor, as a point of the line
//   share = slope / wavelength - shift, with slope = original / (high - low) and
//   shift = low / (high - low);  1 / divisor = (1 - share) / factor + share.
struct Point {
  double wavelength = 0, share = 0;
};

class BandFinder {
 public:
  BandFinder(const RopeSpec& rope, std::span<const float> divisors)
      : rope_(rope), divisors_(divisors) {
    rope_.divisors = {};
    unscaled_ = ComputeRopeFrequencies(rope_).inverse;
    rope_.scaling = RopeScalingKind::kFrequencyBands;
  }

  bool usable() const { return !divisors_.empty() && divisors_.size() == unscaled_.size(); }

  // Whether parameters give the divisors.
  bool Gives(const RopeSpec& bands) const {
    if (!(bands.factor > 0) || !(bands.original_context > 0)) return false;
    const std::vector<float> scaled = ComputeRopeFrequencies(bands).inverse;
    for (size_t i = 0; i < divisors_.size(); ++i) {
      const double found = static_cast<double>(unscaled_[i]) / static_cast<double>(scaled[i]);
      const auto wanted = static_cast<double>(divisors_[i]);
      if (!(std::fabs(found - wanted) <= kTolerance * wanted)) return false;
    }
    return true;
  }

  RopeSpec With(double factor, double low, double high, double original) const {
    RopeSpec bands = rope_;
    bands.factor = factor;
    bands.low_freq_factor = low;
    bands.high_freq_factor = high;
    bands.original_context = original;
    return bands;
  }

  std::optional<RopeSpec> Find() const {
    // The longest wavelength is always stretched by the whole factor in published models.
    const auto last = static_cast<double>(divisors_.back());
    const double rounded = std::round(last * 1e3) / 1e3;
    const double factor = std::fabs(rounded - last) <= kTolerance * last ? rounded : last;
    if (!(factor > 1)) return std::nullopt;
    const std::vector<Point> points = Points(factor);
    const auto attempt = [&](double high, double original) -> std::optional<RopeSpec> {
      // Whole numbers where they do.
      for (const double length : {std::round(original), original}) {
        for (const double end : {std::round(high * 1e3) / 1e3, high}) {
          if (!(end > 1)) continue;
          const RopeSpec bands = With(factor, 1, end, length);
          if (Gives(bands)) return bands;
        }
      }
      return std::nullopt;
    };
    if (points.empty()) return Step(attempt);
    const Point& first = points.front();
    const double usual = first.wavelength * (first.share * (kUsualHigh - 1) + 1);
    if (auto bands = attempt(kUsualHigh, usual)) return bands;
    const double slope = points.size() > 1 ? SlopeOf(first, points.back()) : SteepSlope(first);
    const double shift = slope / first.wavelength - first.share;
    if (!(shift > 0)) return std::nullopt;
    return attempt(1 + 1 / shift, slope / shift);
  }

 private:
  double Wavelength(size_t i) const {
    return 2 * std::numbers::pi / static_cast<double>(unscaled_[i]);
  }

  std::vector<Point> Points(double factor) const {
    std::vector<Point> points;
    for (size_t i = 0; i < divisors_.size(); ++i) {
      const auto divisor = static_cast<double>(divisors_[i]);
      if (!(divisor > 1 + kTolerance && divisor < factor * (1 - kTolerance))) continue;
      points.push_back({Wavelength(i), (1 / divisor - 1 / factor) / (1 - 1 / factor)});
    }
    return points;
  }

  static double SlopeOf(const Point& a, const Point& b) {
    return (a.share - b.share) / (1 / a.wavelength - 1 / b.wavelength);
  }

  // With one point any line does that has passed 1 and 0 at the wavelengths beside it.
  double SteepSlope(const Point& point) const {
    double least = point.share * point.wavelength;  // the line crosses 0 at a finite wavelength
    for (size_t i = 0; i < divisors_.size(); ++i) {
      const double wavelength = Wavelength(i);
      if (wavelength == point.wavelength) continue;
      const double end = wavelength < point.wavelength ? 1 : 0;
      least = std::max(least, SlopeOf({wavelength, end}, point));
    }
    return 1.5 * least;
  }

  // No divisor is between: any bounds do that lie between two wavelengths.
  template <typename Attempt>
  std::optional<RopeSpec> Step(const Attempt& attempt) const {
    for (size_t i = 1; i < divisors_.size(); ++i) {
      if (divisors_[i] == divisors_[i - 1]) continue;
      const double shorter = Wavelength(i - 1), longer = Wavelength(i);
      const double high = std::min(kUsualHigh, std::sqrt(longer / shorter));
      return attempt(high, std::sqrt(high * shorter * longer));
    }
    return std::nullopt;
  }

  RopeSpec rope_;
  std::span<const float> divisors_;
  std::vector<float> unscaled_;
};

std::optional<double> NumberOf(const Json& object, const char* key) {
  const Json* value = object.Find(key);
  return value != nullptr && value->is_number() ? std::optional(value->as_double()) : std::nullopt;
}

bool IsLlama3(const Json& scaling) {
  for (const char* key : {"rope_type", "type"}) {
    const Json* type = scaling.Find(key);
    if (type != nullptr && type->is_string()) return type->as_string() == "llama3";
  }
  return false;
}

Json Number(double value) {
  const bool whole = std::floor(value) == value && std::fabs(value) < 1e15;
  return whole ? Json(static_cast<int64_t>(value)) : Json(value);
}

}  // namespace

std::optional<Json> FindRopeBands(const RopeSpec& rope, std::span<const float> divisors,
                                  const Json* carried) {
  const BandFinder finder(rope, divisors);
  if (!finder.usable()) return std::nullopt;
  if (std::all_of(divisors.begin(), divisors.end(), [](float d) { return d == 1; })) return Json();
  if (carried != nullptr && carried->is_object() && IsLlama3(*carried)) {
    const auto factor = NumberOf(*carried, "factor"), low = NumberOf(*carried, "low_freq_factor"),
               high = NumberOf(*carried, "high_freq_factor"),
               original = NumberOf(*carried, "original_max_position_embeddings");
    if (factor && low && high && original &&
        finder.Gives(finder.With(*factor, *low, *high, *original))) {
      return *carried;
    }
  }
  const std::optional<RopeSpec> found = finder.Find();
  if (!found) return std::nullopt;
  Json scaling{JsonObject{}};
  scaling.Set("rope_type", "llama3");
  scaling.Set("factor", found->factor);
  scaling.Set("low_freq_factor", found->low_freq_factor);
  scaling.Set("high_freq_factor", found->high_freq_factor);
  scaling.Set("original_max_position_embeddings", Number(found->original_context));
  return scaling;
}

}  // namespace tael
