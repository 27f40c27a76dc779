// quant_method "gptq" (Frantar et al. 2022, arXiv:2210.17323): AutoGPTQ's and GPTQModel's files.
#include "base/error.h"
#include "model/quantization/methods.h"

namespace tael {
namespace {

// How the file was made or how other programs compute: without influence on the stored values.
constexpr const char* kIgnored[] = {"damp_percent",
                                    "damp_auto_increment",
                                    "static_groups",
                                    "true_sequential",
                                    "sym",  // zero points are stored all the same
                                    "lm_head",
                                    "meta",
                                    "model_name_or_path",
                                    "model_file_base_name",
                                    "modules_in_block_to_quantize",
                                    "block_name_to_quantize",
                                    "module_name_preceding_first_block",
                                    "dataset",
                                    "tokenizer",
                                    "batch_size",
                                    "pad_token_id",
                                    "use_exllama",
                                    "exllama_config",
                                    "max_input_length",
                                    "cache_block_outputs",
                                    "model_seqlen",
                                    "use_cuda_fp16",
                                    "backend",
                                    "mse",
                                    "act_group_aware",
                                    "hyb_act",
                                    "gptaq"};

// GPTQModel's exceptions by pattern. One that starts with "-:" excludes modules; any other changes
// the form of some.
void ReadExceptions(const ConfigView& config, Quantization* out) {
  const std::optional<ConfigView> dynamic = config.Object("dynamic");
  if (!dynamic.has_value()) return;
  for (const auto& [key, value] : dynamic->values().as_object()) {
    if (!key.starts_with("-:")) {
      Fail(ErrorCode::kUnsupported,
           "{}: quantization_config: dynamic['{}'] gives some modules another form; only "
           "exclusions ('-:...') are read",
           config.where(), key.substr(0, 80));
    }
    dynamic->Ignore(key);
    out->excluded_patterns.emplace_back(key.substr(2), config.where());
  }
  out->excluded_key = "dynamic";
}

}  // namespace

Quantization ReadGptq(const ConfigView& config) {
  GptqScheme scheme;
  scheme.bits = config.Int("bits");
  if (scheme.bits != 2 && scheme.bits != 4 && scheme.bits != 8) {
    Fail(ErrorCode::kUnsupported,
         "{}: quantization_config: bits is {}, GPTQ is read with 2, 4 or 8", config.where(),
         scheme.bits);
  }
  scheme.group_size = ReadGroupSize(config, "group_size", true);
  scheme.act_order = config.Bool("desc_act", false);
  constexpr const char* kFormats[] = {"gptq", "gptq_v2"};
  scheme.zeros_minus_one = ReadChoice(config, "checkpoint_format", "gptq", kFormats) == 0;
  constexpr const char* kWords[] = {"int32"};
  ReadChoice(config, "pack_dtype", "int32", kWords);
  if (config.Bool("is_marlin_format", false)) {
    Fail(ErrorCode::kUnsupported,
         "{}: quantization_config: is_marlin_format is true: weights reordered for one GPU kernel "
         "cannot be read",
         config.where());
  }
  for (const char* key : kIgnored) config.Ignore(key);
  Quantization out;
  out.groups.push_back({.names = {}, .patterns = {}, .all = true, .scheme = scheme});
  ReadExceptions(config, &out);
  return out;
}

}  // namespace tael
