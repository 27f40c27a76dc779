#include "model/convert/elements.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <utility>

#include "base/error.h"
#include "model/convert/decoded.h"
#include "quant/encode.h"

namespace tael {
namespace {

constexpr int64_t kPiece = int64_t{1} << 18;  // elements converted together

int64_t BytesOf(DType dtype, int64_t count) {
  const std::optional<int64_t> bytes = StorageBytes(dtype, count);
  TAEL_CHECK(bytes.has_value());
  return *bytes;
}

bool IsPlainCopy(const RowPlan& plan) { return plan.from == plan.to && !plan.map; }

void Encode(DType dtype, const std::vector<float>& values, std::vector<uint8_t>* out) {
  const auto count = static_cast<int64_t>(values.size());
  out->resize(static_cast<size_t>(BytesOf(dtype, count)));
  if (dtype == DType::kF32) {
    std::memcpy(out->data(), values.data(), out->size());
  } else {
    EncodeRow(dtype, values.data(), count, out->data());
  }
}

// Elements that `bytes` hold.
int64_t CountOf(DType dtype, std::span<const uint8_t> bytes) {
  const int64_t block = Info(dtype).block_size;
  return static_cast<int64_t>(bytes.size()) / BytesOf(dtype, block) * block;
}

// Calls use(source row, count) for runs of source rows that make the target's rows, in order.
template <typename Use>
void ForRuns(const RowPart& part, int64_t source_rows, const Use& use) {
  const int64_t rows = part.rows >= 0 ? part.rows : source_rows;
  const int64_t together = std::max<int64_t>(1, kPiece / std::max<int64_t>(1, part.row_elements));
  for (int64_t row = 0; row < rows;) {
    const int64_t from = part.row_of ? part.row_of(row) : row;
    int64_t count = 1;
    if (!part.row_of) count = std::min(together, rows - row);
    while (part.row_of && count < together && row + count < rows &&
           part.row_of(row + count) == from + count) {
      ++count;
    }
    TAEL_CHECK(from >= 0 && from + count <= source_rows);
    use(from, count);
    row += count;
  }
}

// Decoded rows of a part. Rows that are no whole blocks need the part decoded at once.
class PartReader {
 public:
  PartReader(DType from, const RowPart& part) : from_(from), part_(part) {
    const int64_t first = CountOf(from, part.bytes), second = CountOf(from, part.more);
    rows_ = part.row_elements == 0 ? 0 : (first + second) / part.row_elements;
    if (part.more.empty() && part.row_elements % Info(from).block_size == 0) return;
    all_.resize(static_cast<size_t>(first + second));
    DecodeRow(from, part.bytes.data(), first, all_.data());
    DecodeRow(from, part.more.data(), second, all_.data() + first);
  }

  int64_t rows() const { return rows_; }

  void Append(int64_t row, int64_t count, std::vector<float>* out) const {
    const auto size = static_cast<size_t>(count * part_.row_elements);
    const auto first = static_cast<size_t>(row * part_.row_elements);
    const size_t at = out->size();
    out->resize(at + size);
    if (!all_.empty()) {
      std::copy_n(all_.begin() + static_cast<std::ptrdiff_t>(first), size,
                  out->begin() + static_cast<std::ptrdiff_t>(at));
    } else {
      DecodeRow(from_, part_.bytes.data() + row * BytesOf(from_, part_.row_elements),
                static_cast<int64_t>(size), out->data() + at);
    }
  }

 private:
  DType from_;
  const RowPart& part_;
  int64_t rows_ = 0;
  std::vector<float> all_;
};

// Calls use(values) with pieces of the target, in order.
template <typename Use>
void ForValues(const RowPlan& plan, const Use& use) {
  std::vector<float> values;
  const auto flush = [&] {
    if (values.empty()) return;
    if (plan.map) {
      for (float& value : values) value = plan.map(value);
    }
    use(values);
    values.clear();
  };
  for (const RowPart& part : plan.parts) {
    const DecodedMatrix::Filled filled(part.decoded);
    const PartReader reader(plan.from, part);
    ForRuns(part, reader.rows(), [&](int64_t row, int64_t count) {
      reader.Append(row, count, &values);
      if (static_cast<int64_t>(values.size()) >= kPiece) flush();
    });
  }
  flush();
}

// The same with what the pieces become.
template <typename Use>
void Convert(const RowPlan& plan, const Use& use) {
  std::vector<uint8_t> bytes;
  ForValues(plan, [&](const std::vector<float>& values) {
    Encode(plan.to, values, &bytes);
    use(values, bytes);
  });
}

bool Fits(DType dtype, const std::vector<float>& values, const std::vector<uint8_t>& bytes) {
  if (dtype == DType::kF32) return true;
  std::vector<float> back(values.size());
  DecodeRow(dtype, bytes.data(), static_cast<int64_t>(values.size()), back.data());
  return std::memcmp(back.data(), values.data(), values.size() * sizeof(float)) == 0;
}

// The first value that is a number and would be none in `dtype`.
std::optional<float> BeyondRange(DType dtype, const std::vector<float>& values,
                                 const std::vector<uint8_t>& bytes) {
  if (dtype == DType::kF32) return std::nullopt;
  const unsigned exponent = dtype == DType::kF16 ? 0x7c00u : 0x7f80u;
  for (size_t i = 0; i < values.size(); ++i) {
    uint16_t bits = 0;
    std::memcpy(&bits, bytes.data() + 2 * i, sizeof(bits));
    if ((bits & exponent) == exponent && std::isfinite(values[i])) return values[i];
  }
  return std::nullopt;
}

void CopyRows(const RowPlan& plan, const ByteSink& sink) {
  std::vector<uint8_t> piece, joined;
  for (const RowPart& part : plan.parts) {
    const DecodedMatrix::Filled filled(part.decoded);
    if (!part.row_of && part.rows < 0) {
      sink(part.bytes);
      continue;
    }
    const int64_t row_bytes = BytesOf(plan.from, part.row_elements);
    std::span<const uint8_t> all = part.bytes;
    if (!part.more.empty()) {
      joined.assign(part.bytes.begin(), part.bytes.end());
      joined.insert(joined.end(), part.more.begin(), part.more.end());
      all = joined;
    }
    ForRuns(part, static_cast<int64_t>(all.size()) / row_bytes, [&](int64_t row, int64_t count) {
      const uint8_t* first = all.data() + row * row_bytes;
      piece.insert(piece.end(), first, first + count * row_bytes);
      if (static_cast<int64_t>(piece.size()) < kPiece) return;
      sink(piece);
      piece.clear();
    });
    if (!piece.empty()) sink(piece);
    piece.clear();
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

std::vector<float> ValuesOf(const RowPlan& plan) {
  std::vector<float> all;
  ForValues(plan, [&](const std::vector<float>& values) {
    all.insert(all.end(), values.begin(), values.end());
  });
  return all;
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
      if (const auto value = BeyondRange(plan.to, values, bytes)) {
        Fail(ErrorCode::kUnsupported,
             "'{}': holds {}, which is beyond the range of {}. Hint: --dtype bf16 or f32", name,
             *value, Name(plan.to));
      }
      sink(bytes);
    });
  };
}

}  // namespace tael
