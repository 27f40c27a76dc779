// Which type a recipe gives to a tensor. The facts are llama.cpp's (src/llama-quant.cpp): values of
// attention and the way down of feed-forward layers suffer most, so recipes give them more bits, in
// the first and last layers before all.
#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "adapt/recipes.h"

namespace tael {
namespace {

using enum DType;
using std::string_view;

enum class Part {
  kEmbedding,
  kHead,
  kQuery,
  kKey,
  kValue,
  kFused,
  kLatent,
  kOutput,
  kUp,
  kGate,
  kDown,
  kOther
};

Part PartOf(string_view name) {
  static constexpr struct {
    string_view text;
    Part part;
  } kParts[] = {{"attn_qkv.weight", Part::kFused},
                {"attn_kv_b.weight", Part::kLatent},
                {"attn_v.weight", Part::kValue},
                {"attn_k.weight", Part::kKey},
                {"attn_q.weight", Part::kQuery},
                {"attn_output.weight", Part::kOutput},
                {"ffn_up", Part::kUp},
                {"ffn_gate", Part::kGate},
                {"ffn_down", Part::kDown}};
  if (name == "output.weight") return Part::kHead;
  if (name == "token_embd.weight" || name == "per_layer_token_embd.weight") return Part::kEmbedding;
  for (const auto& entry : kParts) {
    if (name.find(entry.text) != string_view::npos) return entry.part;
  }
  return Part::kOther;
}

// Values of attention, alone or inside another matrix.
bool IsValue(Part part) {
  return part == Part::kValue || part == Part::kFused || part == Part::kLatent;
}

// The first and the last eighth of the layers, and every third of the others.
bool GetsMoreBits(int layer, int layers) {
  return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
}

// Recipes as the rules speak of them.
class RecipeName {
 public:
  explicit RecipeName(const Recipe& recipe) : name_(recipe.name) {}
  template <typename... Names>
  bool Is(Names... names) const {
    return ((name_ == string_view(names)) || ...);
  }

 private:
  string_view name_;
};

class Chooser {
 public:
  Chooser(const Recipe& recipe, const RecipeModel& model, bool has_output, int values)
      : recipe_(recipe), name_(recipe), model_(model), tied_(!has_output), values_(values) {}

  DType Choose(const RecipeTensor& tensor) {
    const Part part = PartOf(tensor.name);
    if (part == Part::kHead || (tied_ && part == Part::kEmbedding)) return HeadType(tensor);
    if (name_.Is("MXFP4_MOE")) {
      return tensor.shape.size() > 2 && tensor.shape[0] > 1 ? kMXFP4 : kQ8_0;
    }
    if (part == Part::kEmbedding) return EmbeddingType();
    if (name_.Is("IQ2_XXS", "IQ2_XS", "IQ1_S", "IQ2_S", "IQ2_M", "IQ1_M")) return LowBits(part);
    if (IsValue(part)) return ValueType();
    switch (part) {
      case Part::kKey:
      case Part::kQuery:
        return QueryOrKeyType(part);
      case Part::kDown:
        return DownType(LayerOf(tensor, &down_));
      case Part::kOutput:
        return OutputType();
      case Part::kGate:
        return GateOrUpType(LayerOf(tensor, &gate_));
      case Part::kUp:
        return GateOrUpType(LayerOf(tensor, &up_));
      default:
        return recipe_.type;
    }
  }

 private:
  // With experts the number in the name counts, else how many came before.
  int LayerOf(const RecipeTensor& tensor, int* counter) const {
    const int counted = (*counter)++;
    if (model_.experts <= 1 || !tensor.name.starts_with("blk.")) return counted;
    return std::atoi(tensor.name.c_str() + 4);
  }

  DType HeadType(const RecipeTensor& tensor) const {
    if (name_.Is("MXFP4_MOE") || tensor.shape.back() % Info(recipe_.type).block_size != 0) {
      return kQ8_0;
    }
    if (name_.Is("IQ2_XXS", "IQ2_XS", "IQ3_XXS", "IQ1_S", "IQ2_S", "IQ2_M", "IQ1_M")) return kQ5_K;
    return recipe_.type == kQ8_0 ? kQ8_0 : kQ6_K;
  }

  DType EmbeddingType() const {
    if (name_.Is("IQ2_XXS", "IQ2_XS", "IQ1_S", "IQ1_M")) return kQ2_K;
    if (name_.Is("IQ2_S", "IQ2_M", "IQ3_XXS")) return kIQ3_S;
    if (name_.Is("TQ1_0", "TQ2_0")) return kQ4_K;
    return recipe_.type;
  }

  DType LowBits(Part part) {
    const bool larger = name_.Is("IQ2_S", "IQ2_M");
    if (IsValue(part)) {
      ++value_;
      if (model_.heads_per_kv_head >= 4 || model_.experts >= 4) return kQ4_K;
      return larger ? kIQ3_S : kQ2_K;
    }
    if (part == Part::kKey && model_.experts == 8) return kQ4_K;
    if (part == Part::kDown) {
      if (down_++ < model_.layers / 8) return larger ? kIQ3_S : kQ2_K;
    } else if (part == Part::kOutput) {
      if (model_.experts == 8) return kQ5_K;
      if (name_.Is("IQ1_S", "IQ1_M")) return kIQ2_XXS;
      if (larger) return kIQ3_S;
    }
    return recipe_.type;
  }

  DType ValueType() {
    const int index = value_++;
    const bool grouped = model_.heads_per_kv_head >= 4;
    DType type = recipe_.type;
    if (name_.Is("Q2_K")) {
      type = grouped ? kQ4_K : kQ3_K;
    } else if (name_.Is("Q2_K_S", "IQ3_XS", "IQ3_S") && grouped) {
      type = kQ4_K;
    } else if (name_.Is("IQ3_XXS")) {
      type = grouped ? kQ4_K : (model_.importance ? kIQ3_XXS : kIQ3_S);
    } else if (name_.Is("IQ3_M")) {
      type = kQ4_K;
    } else if (name_.Is("Q3_K_M")) {
      type = index < 2 ? kQ5_K : kQ4_K;
    } else if (name_.Is("Q3_K_L") || (name_.Is("IQ4_NL", "IQ4_XS") && grouped) ||
               (name_.Is("Q4_K_S") && index < 4)) {
      type = kQ5_K;
    } else if (name_.Is("Q4_K_M", "Q5_K_M") && GetsMoreBits(index, values_)) {
      type = kQ6_K;
    }
    // Models of 70 billion weights: eight heads share these matrices, so they are small.
    const bool is_70b = model_.layers == 80 && model_.heads_per_kv_head > 1 &&
                        (model_.architecture == "llama" || model_.architecture == "qwen2");
    if (is_70b && (type == kQ3_K || type == kQ4_K)) type = kQ5_K;
    return model_.experts == 8 ? kQ8_0 : type;
  }

  DType QueryOrKeyType(Part part) const {
    if (part == Part::kKey && model_.experts == 8) return kQ8_0;
    if (name_.Is("IQ3_XS")) return kIQ3_XXS;
    return name_.Is("IQ3_XXS") ? kIQ2_S : recipe_.type;
  }

  DType DownType(int layer) const {
    const int layers = model_.layers;
    const bool early = layer < layers / 8;
    if (name_.Is("Q2_K")) return kQ3_K;
    if (name_.Is("Q2_K_S") && early) return kQ4_K;
    if (name_.Is("IQ3_XXS") && !model_.importance) return early ? kQ4_K : kQ3_K;
    if (name_.Is("Q3_K_M")) return layer < layers / 16 ? kQ5_K : kQ4_K;
    if (name_.Is("Q3_K_L")) return kQ5_K;
    if (name_.Is("IQ3_M") && (early || (model_.experts == 8 && GetsMoreBits(layer, layers)))) {
      return kQ4_K;
    }
    if (name_.Is("Q4_K_M", "Q5_K_M")) return GetsMoreBits(layer, layers) ? kQ6_K : recipe_.type;
    if (name_.Is("IQ4_NL", "IQ4_XS") && early && !model_.importance) return kQ5_K;
    if (name_.Is("Q4_K_S") && early) return kQ5_K;
    if (name_.Is("Q4_0") && early && model_.importance) return kQ4_1;
    return name_.Is("Q5_0") && early && model_.importance ? kQ5_1 : recipe_.type;
  }

  DType OutputType() const {
    if (model_.experts == 8) {
      const bool more = name_.Is("Q2_K", "IQ3_XS", "IQ3_XXS", "Q3_K_S", "Q3_K_M", "IQ4_NL") ||
                        name_.Is("Q4_K_S", "Q4_K_M", "IQ3_S", "IQ3_M", "IQ4_XS");
      return more ? kQ5_K : recipe_.type;
    }
    if (name_.Is("Q2_K")) return kQ3_K;
    if (name_.Is("IQ3_XXS")) return kIQ3_S;
    if (name_.Is("Q3_K_M", "IQ3_M")) return kQ4_K;
    return name_.Is("Q3_K_L") ? kQ5_K : recipe_.type;
  }

  DType GateOrUpType(int layer) const {
    const bool middle = layer >= model_.layers / 8 && layer < 7 * model_.layers / 8;
    return name_.Is("IQ3_XS") && middle ? kIQ3_XXS : recipe_.type;
  }

  const Recipe& recipe_;
  const RecipeName name_;
  const RecipeModel& model_;
  const bool tied_;
  const int values_;  // matrices of values
  int value_ = 0, down_ = 0, gate_ = 0, up_ = 0;
};

}  // namespace

std::vector<DType> ChooseTypes(const Recipe& recipe, const RecipeModel& model,
                               const std::vector<RecipeTensor>& tensors, bool has_output) {
  std::vector<DType> types;
  if (Info(recipe.type).block_size == 1) {  // plain types are for all
    types.assign(tensors.size(), recipe.type);
    return types;
  }
  const auto values = std::count_if(tensors.begin(), tensors.end(), [](const RecipeTensor& tensor) {
    return IsValue(PartOf(tensor.name));
  });
  Chooser chooser(recipe, model, has_output, static_cast<int>(values));
  for (const RecipeTensor& tensor : tensors) types.push_back(chooser.Choose(tensor));
  return types;
}

}  // namespace tael
