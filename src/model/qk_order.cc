#include "model/qk_order.h"

#include "checkpoint/gguf_keys.h"

namespace tael {

bool HasInterleavedQk(const Checkpoint& checkpoint) {
  if (checkpoint.gguf == nullptr) return checkpoint.container == Container::kLlama2c;
  const GgufArch* arch = FindGgufArch(checkpoint.gguf->Text("general.architecture", ""));
  return arch != nullptr && arch->permuted_qk;
}

}  // namespace tael
