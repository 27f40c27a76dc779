// Goldens of stored blocks: decoding them, encoding them, and the error of encoders.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "app/verify/checks.h"
#include "app/verify/golden_data.h"
#include "base/error.h"
#include "base/file.h"
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

// Error of encoding and decoding `rows` as `dtype`.
double EncodingError(DType dtype, const std::vector<float>& rows) {
  const auto count = static_cast<int64_t>(rows.size());
  std::vector<uint8_t> bytes(static_cast<size_t>(StorageBytes(dtype, count).value_or(0)));
  if (bytes.empty()) return INFINITY;
  std::vector<float> decoded(rows.size());
  EncodeRow(dtype, rows.data(), count, bytes.data());
  DecodeRow(dtype, bytes.data(), count, decoded.data());
  return Nmse(decoded, rows);
}

void CheckQuantizeError(VerifyRow& row, const Golden& golden) {
  constexpr double kSlack = 1.1;  // an encoder may be this much worse than the reference
  const GoldenFile file(golden.path);
  const std::vector<float> rows = file.Floats("rows");
  const std::string path = JoinPath(DirName(golden.path), "reference_error.json");
  const Json reference = ReadJsonFile(path);
  if (!reference.is_object()) Fail(ErrorCode::kCorrupt, "{}: not an object", path);
  double worst = 0;
  std::vector<std::string> missing, bad;
  for (const auto& [name, entry] : reference.as_object()) {
    const auto dtype = DTypeByName(name);
    const Json* bound = entry.Find("nmse_plain");
    if (!dtype || !CanEncode(*dtype) || bound == nullptr || !bound->is_number()) {
      missing.push_back(name);
      continue;
    }
    const double ratio = EncodingError(*dtype, rows) / bound->as_double();
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
