// Qwen2, Qwen2.5, QwQ and the R1 distills made from them: biases on q, k and v.
// Source: Qwen2 Technical Report, arXiv:2407.10671.
#include "base/error.h"
#include "model/families.h"

namespace tael {
namespace {

DecoderSpec DescribeQwen2(const ConfigView& c) {
  GqaSpec gqa = ReadGqa(c);
  gqa.qkv_bias = true;
  // Leftover of the vision variants; true would need the three-part rope.
  if (c.Bool("use_mrope", false)) {
    Fail(ErrorCode::kUnsupported, "{}: use_mrope is true, which text models cannot be", c.where());
  }

  DecoderSpec spec = ReadCommon(c);
  spec.family = "qwen2";
  spec.layers = ReadWindowedLayers(c, gqa, ReadDenseFfn(c));
  return spec;
}

}  // namespace

extern const Family kQwen2;
const Family kQwen2{"Qwen2ForCausalLM", &DescribeQwen2, {}};

}  // namespace tael
