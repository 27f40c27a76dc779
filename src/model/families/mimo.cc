// Xiaomi MiMo-7B: Qwen2's layers; its blocks of multi-token prediction (model.mtp_layers) are left
// aside.
// Unverified: compared with a plain reference of this repository only.
// Source: MiMo, arXiv:2505.07608; the models' config.json.
#include "model/families.h"

namespace tael {
namespace {

DecoderSpec DescribeMiMo(const ConfigView& c) {
  GqaSpec gqa = ReadGqa(c);
  gqa.qkv_bias = c.Bool("attention_bias", true);
  c.Ignore("num_nextn_predict_layers");
  RequireBool(c, "use_mrope", false);

  DecoderSpec spec = ReadCommon(c);
  spec.family = "mimo";
  spec.layers = ReadWindowedLayers(c, gqa, ReadDenseFfn(c));
  return spec;
}

}  // namespace

extern const Family kMiMo;
const Family kMiMo{"MiMoForCausalLM", &DescribeMiMo, {}};

}  // namespace tael
