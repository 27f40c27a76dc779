// The list of recipes, and which tensors they are for.
#include "adapt/recipes.h"

#include <algorithm>
#include <cctype>
#include <iterator>

#include "kernels/block_encoders.h"
#include "quant/encode.h"

namespace tael {
namespace {

using enum DType;

// The numbers are those of general.file_type. IQ2_S is the middle of three and begins as IQ2_XS.
constexpr Recipe kRecipes[] = {
    {"F32", 0, kF32},          {"F16", 1, kF16},        {"BF16", 32, kBF16},
    {"Q8_0", 7, kQ8_0},        {"Q6_K", 18, kQ6_K},     {"Q5_K_M", 17, kQ5_K},
    {"Q5_K_S", 16, kQ5_K},     {"Q5_1", 9, kQ5_1},      {"Q5_0", 8, kQ5_0},
    {"Q4_K_M", 15, kQ4_K},     {"Q4_K_S", 14, kQ4_K},   {"Q4_1", 3, kQ4_1},
    {"Q4_0", 2, kQ4_0},        {"IQ4_NL", 25, kIQ4_NL}, {"IQ4_XS", 30, kIQ4_XS},
    {"Q3_K_L", 13, kQ3_K},     {"Q3_K_M", 12, kQ3_K},   {"Q3_K_S", 11, kQ3_K},
    {"IQ3_M", 27, kIQ3_S},     {"IQ3_S", 26, kIQ3_S},   {"IQ3_XS", 22, kIQ3_S},
    {"IQ3_XXS", 23, kIQ3_XXS}, {"Q2_K", 10, kQ2_K},     {"Q2_K_S", 21, kQ2_K},
    {"IQ2_M", 29, kIQ2_S},     {"IQ2_S", 28, kIQ2_XS},  {"IQ2_XS", 20, kIQ2_XS},
    {"IQ2_XXS", 19, kIQ2_XXS}, {"IQ1_M", 31, kIQ1_M},   {"IQ1_S", 24, kIQ1_S},
    {"TQ1_0", 36, kTQ1_0},     {"TQ2_0", 37, kTQ2_0},   {"MXFP4_MOE", 38, kMXFP4},
    {"NVFP4", 39, kNVFP4},     {"Q1_0", 40, kQ1_0},
};

bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::toupper(x) == std::toupper(y);
  });
}

bool IsHeadOrEmbedding(std::string_view name) {
  return name == "token_embd.weight" || name == "per_layer_token_embd.weight" ||
         name == "output.weight";
}

}  // namespace

const Recipe* FindRecipe(std::string_view name) {
  const auto* found = std::find_if(std::begin(kRecipes), std::end(kRecipes), [&](const Recipe& r) {
    return EqualIgnoringCase(name, r.name);
  });
  return found == std::end(kRecipes) ? nullptr : found;
}

std::vector<std::string> RecipeNames() {
  std::vector<std::string> names;
  for (const Recipe& recipe : kRecipes) names.emplace_back(recipe.name);
  return names;
}

std::optional<DType> EncodableType(std::string_view name) {
  for (int i = 0; i < static_cast<int>(kCount); ++i) {
    const auto dtype = static_cast<DType>(i);
    if (!EqualIgnoringCase(name, Name(dtype))) continue;
    if (dtype == kF32 || CanEncode(dtype) || CanSearch(dtype)) return dtype;
  }
  return std::nullopt;
}

DType FittingType(DType type, int64_t columns) {
  if (columns % Info(type).block_size == 0) return type;
  DType other = kF16;
  switch (type) {
    case kIQ1_S:
    case kIQ1_M:
    case kIQ2_XXS:
    case kIQ2_XS:
    case kIQ2_S:
    case kIQ3_XXS:
    case kIQ3_S:
    case kIQ4_XS:
      other = kIQ4_NL;
      break;
    case kQ2_0:
    case kQ2_K:
    case kQ3_K:
    case kTQ1_0:
    case kTQ2_0:
      other = kQ4_0;
      break;
    case kQ4_K:
      other = kQ5_0;
      break;
    case kQ5_K:
      other = kQ5_1;
      break;
    case kQ6_K:
      other = kQ8_0;
      break;
    default:
      break;
  }
  return columns % Info(other).block_size == 0 ? other : kF16;
}

bool NeedsImportance(const Recipe& recipe, std::string_view name, DType type) {
  if (IsHeadOrEmbedding(name)) return false;
  switch (type) {
    case kIQ3_XXS:
    case kIQ2_XXS:
    case kIQ2_XS:
    case kIQ2_S:
    case kIQ1_M:
    case kIQ1_S:
      return true;
    case kQ2_K:
      return std::string_view(recipe.name) == "Q2_K_S";
    default:
      return false;
  }
}

bool IsQuantisable(std::string_view name, const std::vector<int64_t>& shape) {
  if (shape.size() < 2 || !name.ends_with("weight")) return false;
  // Small tables that decide much: norms, routers, convolutions, positions, indexers.
  static constexpr std::string_view kNever[] = {"_norm.weight",
                                                "ffn_gate_inp.weight",
                                                "ffn_gate_tid2eid.weight",
                                                "altup",
                                                "laurel",
                                                "per_layer_model_proj",
                                                "position_embd.weight",
                                                "token_types.weight",
                                                "ssm_conv1d",
                                                "shortconv.conv.weight",
                                                "indexer.k_proj.weight",
                                                "indexer.q_proj.weight",
                                                "attn_rel_b.weight",
                                                "ffn_gate_inp_shexp.weight"};
  return std::none_of(std::begin(kNever), std::end(kNever),
                      [&](std::string_view part) { return name.find(part) != name.npos; });
}

}  // namespace tael
