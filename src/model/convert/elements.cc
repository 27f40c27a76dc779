#include "model/convert/elements.h"

#include <cstring>
#include <utility>

#include "base/error.h"
#include "quant/encode.h"

namespace tael {
namespace {

constexpr int64_t kPiece = int64_t{1} << 18;  // elements converted together

int64_t BytesOf(DType dtype, int64_t count) {
  const std::optional<int64_t> bytes = StorageBytes(dtype, count);
  TAEL_CHECK(bytes.has_value());
  return *bytes;
}

bool IsPlainCopy(const RowPlan& plan) { return plan.from == plan.to && plan.offset == 0; }

void Encode(DType dtype, const std::vector<float>& values, std::vector<uint8_t>* out) {
  const auto count = static_cast<int64_t>(values.size());
  out->resize(static_cast<size_t>(BytesOf(dtype, count)));
  if (dtype == DType::kF32) {
    std::memcpy(out->data(), values.data(), out->size());
  } else {
    EncodeRow(dtype, values.data(), count, out->data());
  }
}

// Calls use(values, bytes) with pieces of the target, in order: what they should be and what they
// become.
template <typename Use>
void Convert(const RowPlan& plan, const Use& use) {
  const int64_t row_bytes = BytesOf(plan.from, plan.row_elements);
  // Rows in their order are converted many at a time, scattered ones one by one.
  const int64_t together =
      plan.row_of ? 1 : std::max<int64_t>(1, kPiece / std::max<int64_t>(1, plan.row_elements));
  std::vector<float> values;
  std::vector<uint8_t> bytes;
  for (const std::span<const uint8_t> part : plan.parts) {
    const int64_t rows = row_bytes == 0 ? 0 : static_cast<int64_t>(part.size()) / row_bytes;
    for (int64_t row = 0; row < rows; row += together) {
      const int64_t count = std::min(together, rows - row);
      const int64_t from = plan.row_of ? plan.row_of(row) : row;
      values.resize(static_cast<size_t>(count * plan.row_elements));
      DecodeRow(plan.from, part.data() + from * row_bytes, count * plan.row_elements,
                values.data());
      if (plan.offset != 0) {
        for (float& value : values) value += plan.offset;
      }
      Encode(plan.to, values, &bytes);
      use(values, bytes);
    }
  }
}

bool Fits(DType dtype, const std::vector<float>& values, const std::vector<uint8_t>& bytes) {
  if (dtype == DType::kF32) return true;
  std::vector<float> back(values.size());
  DecodeRow(dtype, bytes.data(), static_cast<int64_t>(values.size()), back.data());
  return std::memcmp(back.data(), values.data(), values.size() * sizeof(float)) == 0;
}

void CopyRows(const RowPlan& plan, const ByteSink& sink) {
  const int64_t row_bytes = BytesOf(plan.from, plan.row_elements);
  for (const std::span<const uint8_t> part : plan.parts) {
    if (!plan.row_of) {
      sink(part);
      continue;
    }
    const int64_t rows = row_bytes == 0 ? 0 : static_cast<int64_t>(part.size()) / row_bytes;
    for (int64_t row = 0; row < rows; ++row) {
      sink(part.subspan(static_cast<size_t>(plan.row_of(row) * row_bytes),
                        static_cast<size_t>(row_bytes)));
    }
  }
}

}  // namespace

bool IsExact(const RowPlan& plan) {
  if (IsPlainCopy(plan) || plan.to == DType::kF32) return true;
  bool exact = true;
  Convert(plan, [&](const auto& values, const auto& bytes) {
    exact = exact && Fits(plan.to, values, bytes);
  });
  return exact;
}

std::function<void(const ByteSink&)> ProduceRows(RowPlan plan, std::string name) {
  return [plan = std::move(plan), name = std::move(name)](const ByteSink& sink) {
    if (IsPlainCopy(plan)) return CopyRows(plan, sink);
    Convert(plan, [&](const auto& values, const auto& bytes) {
      if (!plan.rounded && !Fits(plan.to, values, bytes)) {
        Fail(ErrorCode::kUnsupported,
             "'{}': its values do not fit {} exactly. Hint: --dtype rounds the matrices", name,
             Name(plan.to));
      }
      sink(bytes);
    });
  };
}

}  // namespace tael
