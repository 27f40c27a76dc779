// What conversions show and heed while they write tensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "app/interrupt.h"
#include "app/terminal.h"
#include "checkpoint/tensor_source.h"

namespace tael {

// A signal that came while files were being written.
struct Interrupted {
  int exit_code;
};

// While tensors are written: progress on a terminal, and signals throw Interrupted, so that no
// scratch file stays. Wraps the sources, which must not outlive it.
class TensorWriting {
 public:
  TensorWriting(const char* label, std::vector<TensorSource>& tensors);
  TensorWriting(const TensorWriting&) = delete;
  TensorWriting& operator=(const TensorWriting&) = delete;

  // Throws when a signal has come.
  void Stop() const;

 private:
  Progress progress_;
  const InterruptScope interrupt_;
  int64_t done_ = 0;
};

}  // namespace tael
