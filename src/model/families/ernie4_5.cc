// Baidu ERNIE 4.5 dense: the Llama shape with rope over neighbouring elements, in both containers.
// Source: ERNIE 4.5 Technical Report; transformers, models/ernie4_5.
#include "base/error.h"
#include "model/families.h"

namespace tael {
namespace {

DecoderSpec DescribeErnie45(const ConfigView& c) {
  // Divides the positions in the code that older checkpoints carry; newer code has no such key.
  if (const double ratio = c.Double("compression_ratio", 1.0); ratio != 1.0) {
    Fail(ErrorCode::kUnsupported, "{}: compression_ratio is {}, supported is 1", c.where(), ratio);
  }
  GqaSpec gqa = ReadGqa(c, {.theta = 5e5});
  gqa.rope.pairing = RopePairing::kInterleaved;
  DenseFfnSpec ffn = ReadDenseFfn(c);
  gqa.qkv_bias = gqa.output_bias = ffn.bias = c.Bool("use_bias", false);
  DecoderSpec spec = ReadCommon(c, /*tied_by_default=*/true);
  spec.family = "ernie4_5";
  spec.layers.assign(static_cast<size_t>(c.Int("num_hidden_layers")),
                     LayerSpec{.attention = gqa, .ffn = ffn});
  return spec;
}

// The form with PaddlePaddle's names. Unverified: no published file of it was compared.
const OtherNames kPaddle{"ernie.embed_tokens.weight", kErniePaddleNames, /*by_columns=*/true};

}  // namespace

extern const Family kErnie45, kErnie45Remote;
const Family kErnie45{"Ernie4_5ForCausalLM", &DescribeErnie45, {}, &kPaddle};
// The name in checkpoints that bring their own code; the network is the same.
const Family kErnie45Remote{"Ernie4_5_ForCausalLM", &DescribeErnie45, {}, &kPaddle};

}  // namespace tael
