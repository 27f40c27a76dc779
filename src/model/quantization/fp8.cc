// quant_method "fp8": DeepSeek's blocks of 128 x 128 (DeepSeek-V3, arXiv:2412.19437, section 3.3),
// and one scale per tensor where the configuration names no block size. The experts of DeepSeek-V4
// are 4-bit floats under the same method.
#include "base/error.h"
#include "model/quantization/methods.h"

namespace tael {

Quantization ReadFp8(const ConfigView& config) {
  constexpr const char* kFormats[] = {"e4m3", "float8_e4m3fn"};  // one type, two names
  ReadChoice(config, "fmt", "e4m3", kFormats);
  // About activations, which stay float32.
  for (const char* key : {"activation_scheme", "scale_fmt"}) config.Ignore(key);
  ByteScheme scheme{.dtype = DType::kF8E4M3};
  if (config.Has("weight_block_size")) {
    const std::vector<int64_t> block = config.Ints("weight_block_size");
    if (block.size() != 2 || block[0] < 1 || block[1] < 1) {
      Fail(ErrorCode::kCorrupt,
           "{}: quantization_config: weight_block_size needs two positive numbers", config.where());
    }
    scheme.span = ByteScheme::kBlock;
    scheme.rows = block[0];
    scheme.columns = block[1];
    scheme.scale_name = ".weight_scale_inv";
    scheme.other_scale_name = ".scale";  // DeepSeek-V4's files
  } else {
    config.Ignore("weight_block_size");
  }
  Quantization out;
  out.groups.push_back({.names = {}, .patterns = {}, .all = true, .scheme = scheme});
  ReadExcludedParts(config, "ignored_layers", &out);
  ReadExcludedParts(config, "modules_to_not_convert", &out);
  return out;
}

void ReadExpertCodes(const ConfigView& config, const ConfigView& quantization, Quantization* read) {
  const ConfigView& holder = quantization.Has("expert_dtype") ? quantization : config;
  ExpertCodes codes = ExpertCodes::kAsStored;
  if (holder.Has("expert_dtype")) {
    constexpr const char* kTypes[] = {"fp8", "fp4"};
    const bool fp4 = ReadChoice(holder, "expert_dtype", "", kTypes) == 1;
    codes = fp4 ? ExpertCodes::kFp4 : ExpertCodes::kBytes;
  }
  for (QuantGroup& group : read->groups) std::get<ByteScheme>(group.scheme).experts = codes;
}

}  // namespace tael
