#include "adapt/quantise.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/error.h"
#include "checkpoint/printable.h"
#include "quant/encode.h"

namespace tael {
namespace {

constexpr int64_t kTogether = int64_t{1} << 21;  // weights decoded at a time

// Bytes of a source come in pieces of any size; whole rows go on.
class RowQuantiser {
 public:
  RowQuantiser(const TensorSource& source, DType to, const Quantiser& quantiser,
               const ByteSink& sink)
      : name_(source.name),
        from_(source.dtype),
        to_(to),
        columns_(source.shape.back()),
        row_bytes_(StorageBytes(source.dtype, columns_).value_or(0)),
        out_bytes_(StorageBytes(to, columns_).value_or(0)),
        together_(std::max<int64_t>(1, kTogether / columns_)),
        quantiser_(quantiser),
        sink_(sink) {
    TAEL_CHECK(row_bytes_ > 0 && out_bytes_ > 0);
    if (quantiser.importance != nullptr) means_ = quantiser.importance->MeansOf(source.name);
    if (quantiser.search) alike_.assign(static_cast<size_t>(columns_), 1.0f);
    rows_per_matrix_ = source.shape.size() > 2 ? source.shape[source.shape.size() - 2] : 0;
    values_.resize(static_cast<size_t>(together_ * columns_));
    out_.resize(static_cast<size_t>(together_ * out_bytes_));
  }

  void Add(std::span<const uint8_t> bytes) {
    const auto whole = static_cast<size_t>(together_ * row_bytes_);
    while (!bytes.empty()) {
      if (pending_.empty() && bytes.size() >= whole) {
        Encode(bytes.data(), together_);
        bytes = bytes.subspan(whole);
        continue;
      }
      const size_t taken = std::min(bytes.size(), whole - pending_.size());
      pending_.insert(pending_.end(), bytes.begin(),
                      bytes.begin() + static_cast<std::ptrdiff_t>(taken));
      bytes = bytes.subspan(taken);
      if (pending_.size() == whole) Flush();
    }
  }

  void Flush() {
    if (pending_.empty()) return;
    TAEL_CHECK(static_cast<int64_t>(pending_.size()) % row_bytes_ == 0);
    Encode(pending_.data(), static_cast<int64_t>(pending_.size()) / row_bytes_);
    pending_.clear();
  }

 private:
  const float* ImportanceOf(int64_t row) const {
    if (means_.empty()) return alike_.empty() ? nullptr : alike_.data();
    const int64_t matrix = rows_per_matrix_ > 0 ? row / rows_per_matrix_ : 0;
    return means_.data() + matrix * columns_;
  }

  void Encode(const uint8_t* bytes, int64_t rows) {
    std::atomic<bool> finite = true, fits = true;
    quantiser_.pool.ParallelFor(rows, 1, [&](int64_t begin, int64_t end) {
      // One row of each part stays in the nearest cache.
      float* values = values_.data() + begin * columns_;
      for (int64_t r = begin; r < end; ++r) {
        quantiser_.decode(from_, bytes + r * row_bytes_, columns_, values);
        const float largest = quantiser_.encoders.largest(values, columns_);
        if (!std::isfinite(largest)) finite = false;
        if (largest > kLargestEncoded && to_ != DType::kBF16 && to_ != DType::kF32) fits = false;
        QuantiseRow(quantiser_.encoders, to_, values, ImportanceOf(first_row_ + r), columns_,
                    out_.data() + r * out_bytes_);
      }
    });
    if (!finite) {
      Fail(ErrorCode::kCorrupt, "'{}': holds what is no finite number, between rows {} and {}",
           Printable(name_), first_row_, first_row_ + rows - 1);
    }
    if (!fits) {
      Fail(ErrorCode::kUnsupported,
           "'{}': holds a value beyond {}, which {} cannot hold. Hint: --rule leaves it in bf16",
           Printable(name_), kLargestEncoded, Name(to_));
    }
    sink_({out_.data(), static_cast<size_t>(rows * out_bytes_)});
    first_row_ += rows;
  }

  const std::string& name_;
  const DType from_, to_;
  const int64_t columns_, row_bytes_, out_bytes_, together_;
  const Quantiser& quantiser_;
  const ByteSink& sink_;
  int64_t rows_per_matrix_ = 0, first_row_ = 0;
  std::vector<float> means_, alike_, values_;
  std::vector<uint8_t> pending_, out_;
};

}  // namespace

void QuantiseRow(const BlockEncoders& encoders, DType dtype, const float* values,
                 const float* importance, int64_t count, uint8_t* out) noexcept {
  if (dtype == DType::kF32) {
    std::memcpy(out, values, static_cast<size_t>(count) * sizeof(float));
  } else if (CanSearch(dtype) && (importance != nullptr || !CanEncode(dtype))) {
    encoders.encode(dtype, values, importance, count, out);
  } else {
    encoders.round(dtype, values, count, out);
  }
}

std::vector<TensorSource> Quantised(std::vector<TensorSource> tensors,
                                    const std::vector<PlannedTensor>& plan,
                                    const Quantiser& quantiser) {
  TAEL_CHECK(tensors.size() == plan.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    TensorSource& tensor = tensors[i];
    TAEL_CHECK(tensor.name == plan[i].name);
    const DType to = plan[i].to;
    if (to == tensor.dtype) continue;
    tensor.produce = [source = tensor, to, quantiser](const ByteSink& sink) {
      RowQuantiser rows(source, to, quantiser, sink);
      source.produce([&](std::span<const uint8_t> bytes) { rows.Add(bytes); });
      rows.Flush();
    };
    tensor.dtype = to;
  }
  return tensors;
}

}  // namespace tael
