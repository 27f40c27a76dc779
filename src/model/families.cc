#include "model/families.h"

namespace tael {

extern const Family kMiMo, kSeedOss;
extern const Family kErnie45, kErnie45Remote, kGemma3, kHunyuanDense, kLlama, kMistral, kOlmo2,
    kPanguEmbedded, kPhi3, kQwen2, kQwen3, kSmolLm3;
extern const Family kDeepSeekV4, kErnie45Moe, kGlm4Moe, kGptOss, kHunyuanMoe, kMiniMaxM2, kMixtral,
    kPanguProMoe, kQwen2Moe, kQwen3Moe;
extern const Family kGemma3Multimodal, kMistral3, kQwen3Next, kQwen35, kQwen35Moe, kQwen35Text,
    kQwen35MoeText;

extern const Family kDeepSeekMoe, kDeepSeekV2, kDeepSeekV3, kDeepSeekV32, kPanguUltraMoe;

namespace {
// The order does not matter; one line per family.
// clang-format off
constexpr const Family* kFamilies[] = {
    &kErnie45,
    &kErnie45Remote,
    &kGemma3,
    &kGemma3Multimodal,
    &kHunyuanDense,
    &kLlama,
    &kMistral,
    &kMistral3,
    &kOlmo2,
    &kPanguEmbedded,
    &kPhi3,
    &kQwen2,
    &kQwen3,
    &kQwen3Next,
    &kQwen35,
    &kQwen35Moe,
    &kQwen35Text,
    &kQwen35MoeText,
    &kSmolLm3,
    &kDeepSeekV4,
    &kErnie45Moe,
    &kGlm4Moe,
    &kGptOss,
    &kHunyuanMoe,
    &kMiniMaxM2,
    &kMixtral,
    &kPanguProMoe,
    &kQwen2Moe,
    &kQwen3Moe,
    &kMiMo,
    &kSeedOss,
    &kDeepSeekMoe,
    &kDeepSeekV2,
    &kDeepSeekV3,
    &kDeepSeekV32,
    &kPanguUltraMoe,
};
// clang-format on
}  // namespace

std::span<const Family* const> AllFamilies() { return kFamilies; }

const Family* FindFamily(std::string_view architecture) {
  for (const Family* family : kFamilies) {
    if (architecture == family->architecture) return family;
  }
  return nullptr;
}

}  // namespace tael
