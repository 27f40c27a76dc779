#include "app/adapter_flags.h"

#include <cstdlib>

#include "base/file.h"

namespace tael {

AdapterFlag ParseAdapterFlag(const std::string& text) {
  AdapterFlag flag;
  flag.source.path = text;
  const size_t equals = text.rfind('=');
  if (equals != std::string::npos && equals + 1 < text.size()) {
    char* end = nullptr;
    const float weight = std::strtof(text.c_str() + equals + 1, &end);
    if (*end == '\0') {
      flag.weight = weight;
      flag.source.path.resize(equals);
    }
  }
  std::string& path = flag.source.path;
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
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
  for (const std::string& text : loras) sources.push_back(ParseAdapterFlag(text).source);
  return sources;
}

std::vector<AdapterChoice> AdapterChoices(const std::vector<std::string>& loras) {
  std::vector<AdapterChoice> choices;
  for (const std::string& text : loras) {
    const AdapterFlag flag = ParseAdapterFlag(text);
    choices.push_back({flag.source.name, flag.weight});
  }
  return choices;
}

}  // namespace tael
