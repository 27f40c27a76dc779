#include "app/adapter_flags.h"

#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "base/file.h"

namespace tael {
namespace {

// The same names for loading and choosing: adapters with one base name go by their paths.
std::vector<AdapterFlag> ParseAdapterFlags(const std::vector<std::string>& loras) {
  std::vector<AdapterFlag> flags;
  flags.reserve(loras.size());
  for (const std::string& text : loras) flags.push_back(ParseAdapterFlag(text));
  std::vector<std::string> names;
  names.reserve(flags.size());
  for (const AdapterFlag& flag : flags) names.push_back(flag.source.name);
  for (AdapterFlag& flag : flags) {
    if (std::count(names.begin(), names.end(), flag.source.name) > 1) {
      flag.source.name = flag.source.path;
    }
  }
  return flags;
}

}  // namespace

AdapterFlag ParseAdapterFlag(const std::string& text) {
  AdapterFlag flag;
  flag.source.path = text;
  const size_t equals = text.rfind('=');
  const bool is_path = FileExists(text) || DirectoryExists(text);  // "runs/lr=0.001"
  if (!is_path && equals != std::string::npos && equals + 1 < text.size()) {
    char* end = nullptr;
    const float weight = std::strtof(text.c_str() + equals + 1, &end);
    if (*end == '\0') {
      flag.weight = weight;
      flag.source.path.resize(equals);
    }
  }
  std::string& path = flag.source.path;
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  if (path.empty()) {
    Fail(ErrorCode::kInvalidArgument,
         "--lora '{}': names no path, needed an adapter's directory or GGUF file", text);
  }
  flag.source.name = BaseName(path);
  return flag;
}

void AddAdapterOption(CommandParser& command, std::vector<std::string>* loras) {
  command.AddOption("--lora", loras,
                    "LoRA adapter beside the model: a PEFT directory or GGUF file, with =WEIGHT to "
                    "weaken or strengthen it (repeatable: they add up)",
                    {.type = "PATH[=WEIGHT]"});
}

std::vector<AdapterSource> AdapterSources(const std::vector<std::string>& loras) {
  std::vector<AdapterSource> sources;
  for (const AdapterFlag& flag : ParseAdapterFlags(loras)) sources.push_back(flag.source);
  return sources;
}

std::vector<AdapterChoice> AdapterChoices(const std::vector<std::string>& loras) {
  std::vector<AdapterChoice> choices;
  for (const AdapterFlag& flag : ParseAdapterFlags(loras)) {
    choices.push_back({flag.source.name, flag.weight});
  }
  return choices;
}

}  // namespace tael
