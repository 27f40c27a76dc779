// --lora: adapters that are loaded with a model and applied to the request.
#pragma once

#include <string>
#include <vector>

#include "app/command_line.h"
#include "model/adapter.h"

namespace tael {

// A value of --lora: PATH, or PATH=WEIGHT when what follows the last '=' is a number and
// nothing of that whole name exists.
struct AdapterFlag {
  AdapterSource source;  // named after the last part of the path
  float weight = 1;
};
AdapterFlag ParseAdapterFlag(const std::string& text);

void AddAdapterOption(CommandParser& command, std::vector<std::string>* loras);

// What to load, and what a request then asks for. Adapters whose names would be equal are named by
// their paths.
std::vector<AdapterSource> AdapterSources(const std::vector<std::string>& loras);
std::vector<AdapterChoice> AdapterChoices(const std::vector<std::string>& loras);

}  // namespace tael
