// ByteDance Seed-OSS: Llama's layers with biases on q, k, v and, by a key of its own, on the
// output. Source: the models' config.json; transformers, models/seed_oss.
#include "model/families.h"

namespace tael {
namespace {

constexpr NameRule kNames[] = {
    {Role::kPostAttentionNorm, "model.layers.{}.post_attention_layernorm.weight",
     "blk.{}.post_attention_norm.weight"},
};

DecoderSpec DescribeSeedOss(const ConfigView& c) {
  GqaSpec gqa = ReadGqa(c);
  gqa.qkv_bias = c.Bool("attention_bias", true);
  gqa.output_bias = c.Bool("attention_out_bias", false);
  c.Ignore("residual_dropout");  // of training

  DecoderSpec spec = ReadCommon(c);
  spec.family = "seed-oss";
  spec.layers = ReadWindowedLayers(c, gqa, ReadDenseFfn(c));
  return spec;
}

}  // namespace

extern const Family kSeedOss;
const Family kSeedOss{"SeedOssForCausalLM", &DescribeSeedOss, kNames};

}  // namespace tael
