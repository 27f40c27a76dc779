// Which type each tensor of a model gets: decided, and checked, before anything is written.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "adapt/importance.h"
#include "adapt/recipes.h"
#include "checkpoint/tensor_source.h"

namespace tael {

// Why a tensor has its type.
enum class Reason {
  kKept,  // it is never quantised
  kSame,  // it has this type already: its bytes stay
  kRecipe,
  kRule,      // --rule
  kMeasured,  // its sensitivity was measured
  kFallback,  // its rows are no whole blocks of what it should have got
};
const char* NameOf(Reason reason);

struct PlannedTensor {
  std::string name;
  std::vector<int64_t> shape;
  DType from = DType::kF32, to = DType::kF32;
  Reason reason = Reason::kKept;
  DType wanted = DType::kF32;  // `to`, but for kFallback
  int64_t bytes_before() const;
  int64_t bytes() const;
};

// A regular expression that is searched for in names, and the type for what it matches.
struct TypeRule {
  std::string pattern;
  DType type = DType::kF32;
};

// "REGEX=TYPE". Throws kInvalidArgument: no '=', a type that nothing encodes.
TypeRule ParseTypeRule(const std::string& text);

struct PlanRequest {
  const Recipe* recipe = nullptr;
  std::vector<TypeRule> rules = {};        // the first one that matches decides
  const Importance* importance = nullptr;  // null: there is none
  RecipeModel model = {};
  std::vector<std::string> always_kept = {};  // tensors that have to keep their type
  bool pure = false;                          // the recipe's main type for all
};

// In the order of `tensors`. Throws kInvalidArgument: a pattern that is no regular expression, a
// rule that matches nothing, an importance matrix of another model, a type that is useless without
// one.
std::vector<PlannedTensor> PlanTypes(const std::vector<TensorSource>& tensors,
                                     const PlanRequest& request);

}  // namespace tael
