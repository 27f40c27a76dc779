// The reader of latent attention that families share.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "model/families.h"

namespace tael {
namespace {

// DeepSeek's models stretch the scores as a whole, where others stretch the rotated elements.
double ScoreStretch(const ConfigView& config, const RopeSpec& rope) {
  if (rope.scaling != RopeScalingKind::kYarn) return 1.0;
  double all_dims = 0;
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    const std::optional<ConfigView> scaling = config.Object(key);
    if (scaling.has_value()) all_dims = scaling->Double("mscale_all_dim", all_dims);
  }
  const double scale = all_dims == 0 ? 1.0 : YarnScale(rope.factor, all_dims);
  return scale * scale;
}

}  // namespace

MlaSpec ReadMla(const ConfigView& config, const MlaKeys& keys) {
  RequireBool(config, "attention_bias", false);
  // What these say of plain attention, other keys say of this one.
  config.Ignore("head_dim");
  MlaSpec mla;
  mla.num_heads = config.Int("num_attention_heads");
  mla.q_rank = config.Int(keys.query_rank, 0);
  mla.latent_dim = config.Int(keys.latent_rank);
  mla.nope_dim = config.Int(keys.nope_dim);
  mla.rope_dim = config.Int(keys.rope_dim);
  mla.value_dim = config.Int(keys.value_dim);
  RequireSame(config, "num_key_value_heads", mla.num_heads);
  const int64_t query_dim = int64_t{mla.nope_dim} + mla.rope_dim;
  RequireSame(config, "qk_head_dim", static_cast<int>(std::clamp<int64_t>(query_dim, -1, 1 << 30)));
  mla.rope = ReadRope(config, mla.rope_dim);
  if (mla.rope.scaling == RopeScalingKind::kPerDimension) {
    Fail(ErrorCode::kUnsupported,
         "{}: rope type longrope; known with latent attention are the others", config.where());
  }
  const bool interleaved = config.Bool("rope_interleave", true);
  mla.rope.pairing = interleaved ? RopePairing::kInterleaved : RopePairing::kHalfSplit;
  // A spec without a width is refused by Validate(); only the root must be defined here.
  const double width = double{1} * mla.nope_dim + mla.rope_dim;
  if (width > 0) {
    mla.scale = static_cast<float>(ScoreStretch(config, mla.rope) / std::sqrt(width));
  }
  return mla;
}

}  // namespace tael
