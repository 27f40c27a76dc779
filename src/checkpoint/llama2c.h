// Models of llama2.c: a header of seven numbers and float32 arrays, without names.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "checkpoint/config_view.h"
#include "checkpoint/tensor_index.h"

namespace tael {

struct Llama2c {
  ConfigView config;    // LlamaForCausalLM in Hugging Face's vocabulary, rope_interleaved
  TensorIndex tensors;  // under Hugging Face's names, pointing into the bytes
};

// Reads a "version 0" file (the only one with published models). The file has no magic number, so
// its size must be exactly what the header asks for. Throws kCorrupt, kUnsupported.
Llama2c ParseLlama2c(std::span<const uint8_t> bytes, const std::string& where);

}  // namespace tael
