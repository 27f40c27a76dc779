#include "ops/matmul_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "ops/compute_context.h"
#include "ops/interleaved_weights.h"
#include "quant/integer_form.h"

namespace tael {
namespace {

// Output rows are split in units of this many, so that kernels work on whole tiles.
constexpr int64_t kRowGrain = 16;
// Rows decoded together on the float path of block formats: they stay in the first-level caches.
constexpr int64_t kDecodedRows = 16;
// The same for few activation rows where nothing but the size of the caches speaks for more.
constexpr int64_t kFewDecodedRows = 6, kFewActivations = 4;
// Rows unpacked into code blocks together; more where neighbouring rows share cache lines and a
// row's lines lie far apart.
constexpr int64_t kCodeRows = 16, kSharingCodeRows = 64;

// Reading a weight row from memory takes about as long as multiplying it so many times.
constexpr int64_t kReadingCost = 3;

int64_t UnitsOf(const RowShare& share) { return (share.rows + kRowGrain - 1) / kRowGrain; }

// Words that hold neighbouring rows are read once for all of them.
bool SharesWords(const Weight& w) {
  return w.element_bytes != 0 ||
         (w.packed != nullptr && (std::holds_alternative<WordCodes>(w.packed->codes) ||
                                  std::holds_alternative<AcrossCodes>(w.packed->codes)));
}

bool SharesLines(const PackedMatrix& matrix) {
  const auto* words = std::get_if<WordCodes>(&matrix.codes);
  return std::holds_alternative<AcrossCodes>(matrix.codes) ||
         (words != nullptr && words->word_stride != 4);
}

// Parts of whole tiles of `together` rows, each with scratch memory of its own.
void SplitTiles(const Weight& w, int64_t m, const MatmulMachine& machine, int64_t least_unit,
                MatmulPlan& plan) {
  const int64_t least = GrainFor(machine.worth_a_thread, m * w.k, least_unit);
  plan.grain = plan.together;
  plan.scratch_rows = least_unit;
  plan.parts = std::clamp<int64_t>(w.n / least, 1, machine.threads);
}

}  // namespace

MatmulForm MatmulFormOf(DType dtype, MatmulMode mode) {
  if (dtype == DType::kBF16 && mode == MatmulMode::kBf16) return MatmulForm::kBf16;
  if (dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16) {
    return MatmulForm::kFloat;
  }
  return InIntegers(mode) && IntegerBlockSize(dtype) != 0 ? MatmulForm::kInteger
                                                          : MatmulForm::kDecoded;
}

MatmulForm MatmulFormOf(const Weight& w, MatmulMode mode) {
  if (w.packed != nullptr && InIntegers(mode) && CodeShapeOf(*w.packed).blocks != 0) {
    return MatmulForm::kCodes;
  }
  if (w.packed != nullptr || w.element_bytes != 0) return MatmulForm::kDecoded;
  return MatmulFormOf(w.dtype, mode);
}

const char* Name(WeightSource source) {
  switch (source) {
    case WeightSource::kRows:
      return "rows";
    case WeightSource::kStrips:
      return "strips";
    case WeightSource::kRegisters:
      return "registers";
    case WeightSource::kDecoded:
      return "decoded";
    case WeightSource::kCodes:
      return "codes";
  }
  return "unknown";
}

MatmulPlan PlanMatmul(const Weight& w, int64_t m, const MatmulMachine& machine) {
  MatmulPlan plan{.form = MatmulFormOf(w, machine.mode)};
  switch (plan.form) {
    case MatmulForm::kInteger:
      plan.activation_block = ActivationBlock(w.dtype);
      plan.source = machine.strips ? WeightSource::kStrips : WeightSource::kRows;
      if (machine.strips && machine.tiling != nullptr) {
        plan.tiling = machine.tiling(w.dtype, static_cast<size_t>(m));
      }
      plan.strip_rows = machine.strips ? InterleavedWeights::StripRowsOf(w) : 0;
      break;
    case MatmulForm::kCodes: {
      plan.activation_block = 32;
      plan.source = WeightSource::kCodes;
      // Only where every thread has some tiles: idle threads cost more than lines read twice.
      const bool wide =
          SharesLines(*w.packed) && w.n >= 4 * kSharingCodeRows * int64_t{machine.threads};
      plan.together = wide ? kSharingCodeRows : kCodeRows;
      SplitTiles(w, m, machine, plan.together, plan);
      return plan;
    }
    case MatmulForm::kDecoded:
      if (m < kFewActivations && w.packed != nullptr && IsFloat8(*w.packed)) {
        plan.source = WeightSource::kRegisters;
        break;
      }
      plan.source = WeightSource::kDecoded;
      plan.together = m < kFewActivations && !SharesWords(w) ? kFewDecodedRows : kDecodedRows;
      SplitTiles(w, m, machine, kDecodedRows, plan);
      return plan;
    case MatmulForm::kFloat:
    case MatmulForm::kBf16:
      break;
  }
  const RowShare share = ShareOf(w, m);
  plan.grain = kRowGrain;
  plan.parts = SharedCut({&share, 1}, machine).parts();
  return plan;
}

RowShare ShareOf(const Weight& w, int64_t m) { return {w.n, w.k * (m + kReadingCost)}; }

SharedCut::SharedCut(std::span<const RowShare> shares, const MatmulMachine& machine)
    : shares_(shares.begin(), shares.end()) {
  int64_t units = 0;
  for (const RowShare& share : shares_) {
    const int64_t mine = UnitsOf(share);
    starts_.push_back(total_);
    total_ += mine * kRowGrain * share.cost;
    units += mine;
  }
  const int64_t worth = std::max<int64_t>(1, machine.worth_a_thread);
  parts_ = std::clamp<int64_t>(total_ / worth, 1, std::clamp<int64_t>(units, 1, machine.threads));
}

int64_t SharedCut::Border(int64_t part, size_t share) const {
  const RowShare& mine = shares_[share];
  const int64_t unit = kRowGrain * mine.cost;
  if (part == 0 || unit == 0) return part == 0 ? 0 : mine.rows;
  // In double: total * part may be larger than 64 bits hold. The last border is exact all the same.
  const double place = part == parts_ ? static_cast<double>(total_)
                                      : static_cast<double>(total_) * static_cast<double>(part) /
                                            static_cast<double>(parts_);
  const double units = (place - static_cast<double>(starts_[share])) / static_cast<double>(unit);
  const auto whole =
      static_cast<int64_t>(std::clamp(units + 0.5, 0.0, static_cast<double>(UnitsOf(mine))));
  return std::min(mine.rows, whole * kRowGrain);
}

std::string ToText(const MatmulPlan& plan) {
  std::string text = plan.form == MatmulForm::kBf16 ? "bf16"
                     : plan.activation_block == 0
                         ? "float32"
                         : fmt::format("int8 in blocks of {}", plan.activation_block);
  text += fmt::format(", {}", Name(plan.source));
  if (const StripTiling& t = plan.tiling; t.rows > 0) {
    text += fmt::format(" in {} of {} x {}, {} at a time", t.panel ? "panels" : "tiles", t.rows,
                        t.depth, t.acts);
  }
  if (plan.together > 0) text += fmt::format(" by {}", plan.together);
  return text + fmt::format(", {} part{}", plan.parts, plan.parts == 1 ? "" : "s");
}

}  // namespace tael
