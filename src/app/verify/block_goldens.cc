// Goldens of stored blocks: decoding them, encoding them, and the error of encoders.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "adapt/quantise.h"
#include "app/verify/checks.h"
#include "app/verify/golden_data.h"
#include "base/error.h"
#include "base/file.h"
#include "engine/runner_options.h"
#include "quant/dtype.h"
#include "quant/encode.h"

namespace tael {
namespace {

std::optional<DType> DTypeByName(const std::string& name) {
  for (int i = 0; i < static_cast<int>(DType::kCount); ++i) {
    if (name == Name(static_cast<DType>(i))) return static_cast<DType>(i);
  }
  return std::nullopt;
}

// The type a vector file is about: its metadata says, else its name.
DType TypeOf(const GoldenFile& file) {
  std::string name = file.Metadata("type");
  if (name.empty()) {
    name = BaseName(file.path());
    name = name.substr(0, name.find('.'));
  }
  const auto dtype = DTypeByName(name);
  if (!dtype) Fail(ErrorCode::kUnsupported, "{}: type '{}' is not known", file.path(), name);
  return *dtype;
}

// Equal numbers (the sign of zero does not count), or both NaN.
bool Same(float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }

double Difference(float a, float b) {
  if (Same(a, b)) return 0;
  const double difference = std::abs(static_cast<double>(a) - b);
  return std::isnan(difference) ? INFINITY : difference;
}

void CheckSizes(const GoldenFile& file, DType dtype, size_t values, size_t bytes) {
  const auto needed = StorageBytes(dtype, static_cast<int64_t>(values));
  if (values == 0 || !needed || static_cast<size_t>(*needed) != bytes) {
    Fail(ErrorCode::kCorrupt, "{}: {} values and {} bytes do not fit {}", file.path(), values,
         bytes, Name(dtype));
  }
}

void CheckDequant(VerifyRow& row, const Golden& golden) {
  const GoldenFile file(golden.path);
  const DType dtype = TypeOf(file);
  const auto bytes = file.Bytes("bytes");
  const std::vector<float> wanted = file.Floats("values");
  CheckSizes(file, dtype, wanted.size(), bytes.size());
  if (!CanDecode(dtype)) Fail(ErrorCode::kUnsupported, "{} cannot be decoded", Name(dtype));
  std::vector<float> found(wanted.size());
  DecodeRow(dtype, bytes.data(), static_cast<int64_t>(found.size()), found.data());
  double worst = 0;
  size_t wrong = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    worst = std::max(worst, Difference(found[i], wanted[i]));
    wrong += Same(found[i], wanted[i]) ? 0 : 1;
  }
  Judge(row, worst, 0);
  if (wrong > 0) {
    row.status = RowStatus::kFail;
    row.detail = fmt::format("{} of {} values differ", wrong, found.size());
  }
}

void CheckQuantize(VerifyRow& row, const Golden& golden) {
  const GoldenFile file(golden.path);
  const DType dtype = TypeOf(file);
  const auto wanted = file.Bytes("bytes");
  const std::vector<float> input = file.Floats("input");
  CheckSizes(file, dtype, input.size(), wanted.size());
  if (!CanEncode(dtype)) Fail(ErrorCode::kUnsupported, "{} cannot be encoded", Name(dtype));
  std::vector<uint8_t> found(wanted.size());
  EncodeRow(dtype, input.data(), static_cast<int64_t>(input.size()), found.data());
  size_t wrong = 0;
  for (size_t i = 0; i < found.size(); ++i) wrong += found[i] == wanted[i] ? 0 : 1;
  Judge(row, static_cast<double>(wrong) / static_cast<double>(found.size()), 0);
  if (wrong > 0) row.detail = fmt::format("{} of {} bytes differ", wrong, found.size());
}

// Fixed rows, and what an error in each of their columns costs.
struct QuantizeRows {
  std::vector<float> values, importance;
  int64_t columns() const { return static_cast<int64_t>(importance.size()); }
  int64_t count() const { return static_cast<int64_t>(values.size()) / columns(); }
};

// Error of encoding and decoding the rows as `dtype`; with importance both the search and the sum
// are weighted.
double EncodingError(DType dtype, const QuantizeRows& rows, bool weighted) {
  const BlockEncoders& encoders = EncodersOf(ResolveKernels(nullptr));
  const int64_t columns = rows.columns();
  std::vector<uint8_t> bytes(static_cast<size_t>(StorageBytes(dtype, columns).value_or(0)));
  if (bytes.empty()) return INFINITY;
  std::vector<float> decoded(rows.importance.size());
  double error = 0, size = 0;
  for (int64_t r = 0; r < rows.count(); ++r) {
    const float* row = rows.values.data() + r * columns;
    const float* importance = weighted ? rows.importance.data() : nullptr;
    QuantiseRow(encoders, dtype, row, importance, columns, bytes.data());
    DecodeRow(dtype, bytes.data(), columns, decoded.data());
    for (size_t i = 0; i < decoded.size(); ++i) {
      const double weight = weighted ? static_cast<double>(importance[i]) : 1;
      const double x = static_cast<double>(row[i]), d = x - static_cast<double>(decoded[i]);
      error += weight * d * d;
      size += weight * x * x;
    }
  }
  return error / size;
}

// How much worse than the reference an encoder is, with and without importance; types that are of
// no use without it have a bound for one only.
double WorstRatio(DType dtype, const Json& entry, const QuantizeRows& rows) {
  double worst = 0;
  for (const bool weighted : {false, true}) {
    const Json* bound = entry.Find(weighted ? "weighted_nmse_imatrix" : "nmse_plain");
    if (bound == nullptr || !bound->is_number()) continue;
    worst = std::max(worst, EncodingError(dtype, rows, weighted) / bound->as_double());
  }
  return worst > 0 ? worst : INFINITY;
}

void CheckQuantizeError(VerifyRow& row, const Golden& golden) {
  constexpr double kSlack = 1.1;  // an encoder may be this much worse than the reference
  const GoldenFile file(golden.path);
  const QuantizeRows rows{file.Floats("rows"), file.Floats("imatrix")};
  const std::string path = JoinPath(DirName(golden.path), "reference_error.json");
  const Json reference = ReadJsonFile(path);
  if (!reference.is_object()) Fail(ErrorCode::kCorrupt, "{}: not an object", path);
  if (rows.importance.empty() || rows.values.size() % rows.importance.size() != 0) {
    Fail(ErrorCode::kCorrupt, "{}: rows and imatrix do not fit together", file.path());
  }
  double worst = 0;
  std::vector<std::string> missing, bad;
  for (const auto& [name, entry] : reference.as_object()) {
    const auto dtype = EncodableType(name);
    if (!dtype) {
      missing.push_back(name);
      continue;
    }
    const double ratio = WorstRatio(*dtype, entry, rows);
    if (!(ratio <= kSlack)) bad.push_back(name);
    worst = std::max(worst, ratio);
  }
  Judge(row, worst, kSlack);
  if (!bad.empty()) {
    row.status = RowStatus::kFail;
    row.detail = fmt::format("error above the bound: {}", fmt::join(bad, ", "));
  } else if (!missing.empty()) {
    row.status = RowStatus::kUnsupported;
    row.detail = fmt::format("no encoder for {}", fmt::join(missing, ", "));
  }
}

std::vector<VerifyRow> OneRow(const Golden& golden,
                              void (*check)(VerifyRow& row, const Golden& golden)) {
  VerifyRow row = MakeRow(golden);
  CheckRow(row, [&](VerifyRow& r) { check(r, golden); });
  return {row};
}

}  // namespace

std::vector<VerifyRow> CheckDequantGolden(const Golden& golden) {
  return OneRow(golden, &CheckDequant);
}
std::vector<VerifyRow> CheckQuantizeGolden(const Golden& golden) {
  return OneRow(golden, &CheckQuantize);
}
std::vector<VerifyRow> CheckQuantizeErrorGolden(const Golden& golden) {
  return OneRow(golden, &CheckQuantizeError);
}

}  // namespace tael
