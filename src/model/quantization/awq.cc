// quant_method "awq": AutoAWQ's "gemm" layout (AWQ, Lin et al. 2023, arXiv:2306.00978).
#include "base/error.h"
#include "model/quantization/methods.h"

namespace tael {

Quantization ReadAwq(const ConfigView& config) {
  if (const int bits = config.Int("bits"); bits != 4) {
    Fail(ErrorCode::kUnsupported, "{}: quantization_config: bits is {}, AWQ is read with 4 only",
         config.where(), bits);
  }
  constexpr const char* kVersions[] = {"gemm", "GEMM"};
  ReadChoice(config, "version", "gemm", kVersions);
  if (!config.Bool("zero_point")) {
    Fail(ErrorCode::kUnsupported,
         "{}: quantization_config: zero_point is false, AWQ is read with zero points only",
         config.where());
  }
  // How other programs compute.
  for (const char* key :
       {"backend", "do_fuse", "fuse_max_seq_len", "modules_to_fuse", "exllama_config"}) {
    config.Ignore(key);
  }
  Quantization out;
  ReadExcludedParts(config, "modules_to_not_convert", &out);
  const AwqScheme scheme{.group_size = ReadGroupSize(config, "group_size", false)};
  out.groups.push_back({.names = {}, .patterns = {}, .all = true, .scheme = scheme});
  return out;
}

}  // namespace tael
