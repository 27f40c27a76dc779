// Fuzz target: a GGUF file from memory, and the translation of its keys.
#include <cstdint>

#include "base/error.h"
#include "checkpoint/gguf.h"
#include "checkpoint/gguf_config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const tael::Gguf gguf = tael::ParseGguf({data, size}, "fuzz");
    unsigned sum = 0;  // every tensor must be readable from end to end
    for (const tael::TensorInfo& tensor : gguf.tensors.all()) {
      for (const uint8_t byte : tensor.bytes) sum += byte;
    }
    volatile unsigned sink = sum;
    (void)sink;
    const tael::ConfigView config = tael::ConfigFromGguf(gguf.metadata, gguf.tensors);
    tael::EosIdsFromGguf(gguf.metadata, config.Int64("vocab_size"));
  } catch (const tael::Error&) {
    // Refusing is the expected outcome.
  }
  return 0;
}
