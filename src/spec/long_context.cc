#include "spec/long_context.h"

#include <fmt/format.h>

#include <cmath>
#include <variant>

#include "base/error.h"

namespace tael {
namespace {

bool HasTwoLists(const RopeSpec& rope) {
  return rope.pairing != RopePairing::kNone && rope.scaling == RopeScalingKind::kPerDimension;
}

// The rope of a layer, if it rotates at all; null: it does not.
const RopeSpec* RopeOf(const AttentionSpec& attention) {
  if (const auto* gqa = std::get_if<GqaSpec>(&attention)) return &gqa->rope;
  if (const auto* mla = std::get_if<MlaSpec>(&attention)) return &mla->rope;
  const auto* compressed = std::get_if<CompressedSpec>(&attention);
  return compressed == nullptr ? nullptr : &compressed->rope;
}

}  // namespace

void LimitToOriginalContext(DecoderSpec* spec, const std::string& where) {
  const RopeSpec* first = nullptr;
  for (const LayerSpec& layer : spec->layers) {
    const RopeSpec* rope = RopeOf(layer.attention);
    if (rope == nullptr || !HasTwoLists(*rope)) continue;
    if (!std::holds_alternative<GqaSpec>(layer.attention)) {
      Fail(ErrorCode::kUnsupported, "{}: rope type longrope, which is known for plain attention",
           where);
    }
    if (first == nullptr) first = rope;
    if (rope->original_context == first->original_context) continue;
    Fail(ErrorCode::kUnsupported,
         "{}: layers have different values of original_max_position_embeddings ({} and {}), needed "
         "one, above which all of them take their long list of divisors",
         where, first->original_context, rope->original_context);
  }
  if (first == nullptr || !(first->original_context < spec->max_context)) return;
  const int original = static_cast<int>(std::floor(first->original_context));
  spec->long_context = LongContextSpec{.original = original, .longest = spec->max_context};
  spec->max_context = original;
}

void UseLongContext(DecoderSpec* spec) {
  if (!spec->long_context) return;
  spec->long_context->in_use = true;
  spec->max_context = spec->long_context->longest;
  for (LayerSpec& layer : spec->layers) {
    auto* gqa = std::get_if<GqaSpec>(&layer.attention);
    if (gqa != nullptr && HasTwoLists(gqa->rope)) gqa->rope.divisors = gqa->rope.long_divisors;
  }
}

std::string LongContextHint(const DecoderSpec& spec) {
  if (!spec.long_context || spec.long_context->in_use) return "";
  return fmt::format(
      ". Above {} tokens this model rotates by a second list of divisors, which a --ctx from {} to "
      "{} chooses for all of its texts",
      spec.long_context->original, spec.long_context->original + 1, spec.long_context->longest);
}

}  // namespace tael
