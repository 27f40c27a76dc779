// Fuzz target: a safetensors file from memory; what is accepted must survive writing and reading.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/error.h"
#include "checkpoint/llama2c.h"
#include "checkpoint/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    tael::ParseLlama2c({data, size}, "fuzz");
  } catch (const tael::Error&) {
    // Refusing is the expected outcome.
  }
  try {
    const tael::Safetensors opened = tael::ParseSafetensors({data, size}, "fuzz");
    const std::string written = tael::SerializeSafetensors(opened.tensors.all());
    const tael::Safetensors again = tael::ParseSafetensors(
        {reinterpret_cast<const uint8_t*>(written.data()), written.size()}, "fuzz");
    if (again.tensors.all().size() != opened.tensors.all().size()) std::abort();
  } catch (const tael::Error&) {
    // As above.
  }
  return 0;
}
