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

namespace {

// What `holder` says of experts; `place` is where it lies in the file, for messages.
ExpertCodes CodesOf(const ConfigView& holder, const char* place) {
  if (!holder.Has("expert_dtype")) return ExpertCodes::kAsStored;
  const std::string found = holder.String("expert_dtype");
  if (found == "fp8") return ExpertCodes::kBytes;
  if (found == "fp4") return ExpertCodes::kFp4;
  Fail(ErrorCode::kUnsupported, "{}: {}expert_dtype is '{}', needed one of fp8, fp4",
       holder.where(), place, found.substr(0, 80));
}

}  // namespace

void ReadExpertCodes(const ConfigView& config, const ConfigView& quantization, Quantization* read) {
  const ExpertCodes outer = CodesOf(config, "");
  const ExpertCodes inner = CodesOf(quantization, "quantization_config: ");
  const bool both = outer != ExpertCodes::kAsStored && inner != ExpertCodes::kAsStored;
  if (both && outer != inner) {
    Fail(ErrorCode::kCorrupt, "{}: expert_dtype is '{}', but '{}' in quantization_config",
         config.where(), config.String("expert_dtype"), quantization.String("expert_dtype"));
  }
  const ExpertCodes codes = inner != ExpertCodes::kAsStored ? inner : outer;
  for (QuantGroup& group : read->groups) std::get<ByteScheme>(group.scheme).experts = codes;
}

}  // namespace tael
