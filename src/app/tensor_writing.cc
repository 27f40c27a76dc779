#include "app/tensor_writing.h"

#include <algorithm>
#include <utility>

namespace tael {
namespace {

constexpr size_t kPiece = size_t{1} << 24;

int64_t TotalBytes(const std::vector<TensorSource>& tensors) {
  int64_t total = 0;
  for (const TensorSource& tensor : tensors) total += tensor.bytes();
  return total;
}

}  // namespace

TensorWriting::TensorWriting(const char* label, std::vector<TensorSource>& tensors)
    : progress_(label, TotalBytes(tensors)) {
  for (TensorSource& tensor : tensors) {
    tensor.produce = [this, produce = std::move(tensor.produce)](const ByteSink& sink) {
      produce([&](std::span<const uint8_t> bytes) {
        // In pieces: those of a matrix that stays as it is are the whole matrix.
        for (; !bytes.empty(); bytes = bytes.subspan(std::min(bytes.size(), kPiece))) {
          Stop();
          sink(bytes.first(std::min(bytes.size(), kPiece)));
          done_ += static_cast<int64_t>(std::min(bytes.size(), kPiece));
          progress_.Update(done_);
        }
      });
    };
  }
}

void TensorWriting::Stop() const {
  if (interrupt_.interrupted()) throw Interrupted{interrupt_.exit_code()};
}

}  // namespace tael
