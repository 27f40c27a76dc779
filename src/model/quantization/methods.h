// The readers of quantization_config, one per quant_method. Each throws as ReadQuantization() does.
#pragma once

#include <span>

#include "model/quantization.h"

namespace tael {

Quantization ReadFp8(const ConfigView& config);
Quantization ReadCompressedTensors(const ConfigView& config);
Quantization ReadGptq(const ConfigView& config);
Quantization ReadAwq(const ConfigView& config);
Quantization ReadMxfp4(const ConfigView& config);

// Reads `expert_dtype`, which stands in quantization_config or, in DeepSeek-V4's files, beside it;
// in both it must say the same.
void ReadExpertCodes(const ConfigView& config, const ConfigView& quantization, Quantization* read);

// Fills `excluded_parts` from a list of names under `key`; absent or null means none.
void ReadExcludedParts(const ConfigView& config, const char* key, Quantization* quantization);

// The choice of one of `known` under `key`; throws kUnsupported naming what was found and needed.
// Returns its index.
size_t ReadChoice(const ConfigView& config, const char* key, std::string_view fallback,
                  std::span<const char* const> known);

// A positive integer, or -1 where `or_minus_one`. Throws kCorrupt.
int64_t ReadGroupSize(const ConfigView& config, const char* key, bool or_minus_one);

}  // namespace tael
