// Types chosen from measured sensitivity, for `tael quantize --type auto:...`.
#pragma once

#include <string>
#include <vector>

#include "adapt/plan.h"
#include "app/model_flags.h"

namespace tael {

struct AutoFlags {
  std::vector<std::string> texts;  // --calibrate
  std::vector<std::string> types;  // --auto-type; empty: all that fit
  int tokens = 512;
};
void AddAutoFlags(CommandParser& command, AutoFlags& flags);

// What stands behind "auto:": a recipe, whose bytes are to be divided anew, or bits per weight.
struct AutoSize {
  std::string recipe = "Q4_K_M";
  double bits = 0;  // 0: those of the recipe
};
// nullopt: `type` does not begin with "auto". Throws kInvalidArgument.
std::optional<AutoSize> ParseAuto(const std::string& type);

// Gives the tensors of `plan` that a recipe decided the types that lose least in the same bytes,
// or in those of `size`. Throws kInvalidArgument.
void ChooseMeasuredTypes(const LoadedModel& loaded, const AutoFlags& flags, const AutoSize& size,
                         int threads, const Importance* importance,
                         std::vector<PlannedTensor>* plan);

}  // namespace tael
