// SmolLM3: the Llama shape where some layers, usually each fourth, do not rotate ("NoPE").
// Source: SmolLM3 model card; RoPE to NoPE and Back Again, arXiv:2501.18795.
#include "base/error.h"
#include "model/families.h"

namespace tael {
namespace {

// 1 for layers with rope, 0 for those without, whatever the name of the key suggests.
std::vector<int64_t> RotatedLayers(const ConfigView& c, size_t count) {
  const int interval = c.Int("no_rope_layer_interval", 4);
  std::vector<int64_t> rotated;
  if (c.Has("no_rope_layers")) {
    rotated = c.Ints("no_rope_layers");
  } else if (interval > 0) {
    for (size_t i = 0; i < count; ++i) {
      rotated.push_back((i + 1) % static_cast<size_t>(interval) != 0 ? 1 : 0);
    }
  }
  if (rotated.size() != count) {
    Fail(ErrorCode::kCorrupt, "{}: no_rope_layers lists {} layers, num_hidden_layers says {}",
         c.where(), rotated.size(), count);
  }
  return rotated;
}

DecoderSpec DescribeSmolLm3(const ConfigView& c) {
  if (c.Bool("use_sliding_window", false) && !c.Has("layer_types")) {
    Fail(ErrorCode::kUnsupported,
         "{}: use_sliding_window is true without layer_types that say where, in this family",
         c.where());
  }
  GqaSpec gqa = ReadGqa(c, {.theta = 2e6});
  gqa.qkv_bias = gqa.output_bias = c.Bool("attention_bias", false);
  DecoderSpec spec = ReadCommon(c, /*tied_by_default=*/true);
  spec.family = "smollm3";
  spec.layers = ReadWindowedLayers(c, gqa, ReadDenseFfn(c));
  const std::vector<int64_t> rotated = RotatedLayers(c, spec.layers.size());
  for (size_t i = 0; i < rotated.size(); ++i) {
    if (rotated[i] != 0) continue;
    std::get<GqaSpec>(spec.layers[i].attention).rope.pairing = RopePairing::kNone;
  }
  return spec;
}

}  // namespace

extern const Family kSmolLm3;
const Family kSmolLm3{"SmolLM3ForCausalLM", &DescribeSmolLm3, {}};

}  // namespace tael
