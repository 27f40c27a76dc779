// Rope of a GGUF model.
#include "checkpoint/gguf_translator.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/exact_math.h"
#include "checkpoint/printable.h"

namespace tael {
namespace {

constexpr const char* kShortDivisors = "rope_factors_short.weight";
constexpr const char* kLongDivisors = "rope_factors_long.weight";

}  // namespace

void GgufTranslator::AddRope() {
  if (arch_->permuted_qk) config_.Set("rope_interleaved", true);
  const GgufValue* type_value = metadata_.Find(Key("rope.scaling.type"));
  const std::optional<double> old_factor = Number("rope.scale_linear");
  const double factor = Number("rope.scaling.factor").value_or(old_factor.value_or(1.0));
  if (factor <= 0) Problem("{} is {}, needed a number above 0", Key("rope.scaling.factor"), factor);
  // Without a type other readers take a factor as linear scaling.
  std::string type = type_value == nullptr ? "linear" : type_value->text;
  // Some converters write the divisors of longrope and no type.
  if (type_value == nullptr && HasTensor(kShortDivisors)) type = "longrope";
  if (type == "none" || (type == "linear" && factor == 1.0)) return;

  Json scaling{JsonObject{}};
  scaling.Set("rope_type", type);
  if (type != "longrope" || HasKey("rope.scaling.factor")) scaling.Set("factor", factor);
  if (type == "yarn") {
    AddYarn(&scaling, factor);
  } else if (type == "longrope") {
    AddLongRope(&scaling);
  } else if (type != "linear") {
    Problem("{} is '{}', known are: none, linear, yarn, longrope", Key("rope.scaling.type"),
            Printable(type));
  }
  if (const auto original = Integer("rope.scaling.original_context_length")) {
    scaling.Set("original_max_position_embeddings", *original);
  }
  config_.Set("rope_scaling", std::move(scaling));
}

// A list of divisors, from a tensor.
std::optional<Json> GgufTranslator::Divisors(const char* tensor) {
  const TensorInfo* found = tensors_.Find(tensor);
  if (found == nullptr || found->dtype != DType::kF32 || found->shape.size() != 1 ||
      found->bytes.size() != static_cast<size_t>(found->shape[0]) * sizeof(float)) {
    Problem("tensor {} is {}, needed a vector of F32 for rope scaling of type longrope", tensor,
            found == nullptr ? "missing" : "of another type or shape");
    return std::nullopt;
  }
  Json list{JsonArray{}};
  for (size_t at = 0; at < found->bytes.size(); at += sizeof(float)) {
    float divisor = 0;
    std::memcpy(&divisor, found->bytes.data() + at, sizeof(divisor));
    if (!(divisor > 0) || !std::isfinite(divisor)) {
      Problem("tensor {} has the divisor {}, needed finite ones above 0", tensor, divisor);
      return std::nullopt;
    }
    list.Append(Decimal(divisor));
  }
  return list;
}

// The divisors are tensors.
void GgufTranslator::AddLongRope(Json* scaling) {
  if (const auto f = Number("rope.scaling.attn_factor")) scaling->Set("attention_factor", *f);
  if (auto divisors = Divisors(kShortDivisors)) scaling->Set("short_factor", std::move(*divisors));
  if (auto divisors = Divisors(kLongDivisors)) scaling->Set("long_factor", std::move(*divisors));
}

void GgufTranslator::AddYarn(Json* scaling, double factor) {
  if (const auto fast = Number("rope.scaling.yarn_beta_fast")) scaling->Set("beta_fast", *fast);
  if (const auto slow = Number("rope.scaling.yarn_beta_slow")) scaling->Set("beta_slow", *slow);
  // The file's factor comes on top of yarn's own; Hugging Face's key replaces it.
  std::optional<double> attention = Number("rope.scaling.yarn_attn_factor");
  if (!attention) attention = Number("rope.scaling.attn_factor");
  if (attention && *attention != 1.0) {
    scaling->Set("attention_factor", *attention * (0.1 * ExactLog(std::max(factor, 1.0)) + 1.0));
  }
  const std::optional<double> extrapolation = Number("rope.scaling.yarn_ext_factor");
  if (extrapolation && *extrapolation != 1.0 && *extrapolation != -1.0) {
    Problem("{} is {}, supported is 1", Key("rope.scaling.yarn_ext_factor"), *extrapolation);
  }
  const std::optional<double> multiplier = Number("rope.scaling.yarn_log_multiplier");
  if (multiplier && !arch_->mla) {
    Problem("{} is {}, which is known for latent attention only",
            Key("rope.scaling.yarn_log_multiplier"), *multiplier);
  } else if (multiplier) {
    // Stored as 0.1 times the value; rounded because the product was, too.
    const double mscale = std::round(*multiplier * 1e7) / 1e6;
    scaling->Set("mscale", mscale);
    scaling->Set("mscale_all_dim", mscale);
  } else if (arch_->mla && !scaling->Find("attention_factor")) {
    scaling->Set("attention_factor", 1.0);  // other readers take a missing one as 0
  }
  // The one family whose configuration turns rounding off; files have no key for it.
  if (std::string_view(arch_->name) == "gpt-oss") scaling->Set("truncate", false);
}

}  // namespace tael
