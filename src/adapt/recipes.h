// Recipes: the names under which quantised files are known, and the type that each gives to each
// tensor. The choices are those of llama.cpp, so that a name means the same everywhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "quant/dtype.h"

namespace tael {

struct Recipe {
  const char* name;    // "Q4_K_M"
  uint32_t file_type;  // general.file_type
  DType type;          // of the tensors that no rule of the recipe is for
};

// Whatever the case of its letters; nullptr for names that are no recipe.
const Recipe* FindRecipe(std::string_view name);
std::vector<std::string> RecipeNames();
// A type by GGML's name, whatever its case; nullopt when there is none or nothing encodes it.
std::optional<DType> EncodableType(std::string_view name);

// What the choices depend on besides the tensor.
struct RecipeModel {
  std::string architecture;  // GGUF's name
  int layers = 0, heads_per_kv_head = 1, experts = 0;
  bool importance = false;  // there is an importance matrix
};

// A tensor as the choices see it.
struct RecipeTensor {
  std::string name;  // GGUF's
  std::vector<int64_t> shape;
};

// The type of each tensor, in the order given; shapes are not looked at but for the head and for
// experts. Without the types that rows force: FittingType(). `has_output`: the model has an
// output.weight of its own. REQUIRES: the tensors are all that are quantised, those of a layer
// behind those of the layer before.
std::vector<DType> ChooseTypes(const Recipe& recipe, const RecipeModel& model,
                               const std::vector<RecipeTensor>& tensors, bool has_output);

// What stands for `type` where rows of `columns` are no whole blocks of it; itself where they are.
DType FittingType(DType type, int64_t columns);

// Whether quantising a tensor of this name needs an importance matrix to come out usable.
bool NeedsImportance(const Recipe& recipe, std::string_view name, DType type);

// Whether tensors of this name and shape are ever quantised.
bool IsQuantisable(std::string_view name, const std::vector<int64_t>& shape);

}  // namespace tael
