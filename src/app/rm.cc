// `tael rm`: takes models out of the store.
#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <memory>

#include "app/command.h"
#include "app/model_store.h"
#include "app/names.h"
#include "app/terminal.h"
#include "base/error.h"
#include "base/file.h"
#include "hub/model_reference.h"
#include "hub/pull_folder.h"

namespace tael {
namespace {

struct RemoveOptions {
  std::string name;
  bool yes = false;
};

// What a model of the store consists of on the disk.
std::vector<std::string> PathsOf(const ModelEntry& model, const std::string& store) {
  if (DirectoryExists(model.path)) return {model.path};
  // A pulled GGUF has a folder of its own below the store.
  for (std::string folder = DirName(model.path); folder.size() > store.size();
       folder = DirName(folder)) {
    if (ReadPulledModel(folder)) return {folder};
  }
  const std::string name = BaseName(model.path);
  const SplitName split = ParseSplitName(name.substr(0, name.rfind(".gguf")));
  std::vector<std::string> paths;
  for (const std::string& other : ListDirectory(DirName(model.path))) {
    if (!other.ends_with(".gguf")) continue;
    const SplitName part = ParseSplitName(other.substr(0, other.size() - 5));
    if (part.stem == split.stem && part.count == split.count) {
      paths.push_back(JoinPath(DirName(model.path), other));
    }
  }
  return paths;
}

bool Confirmed(const std::string& what) {
  if (!StdinIsTerminal() || !StderrIsTerminal()) {
    Fail(ErrorCode::kInvalidArgument, "{}: nobody can be asked here. Hint: --yes removes it", what);
  }
  PrintError(fmt::format("Remove {}? [y/N] ", what));
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

// What an interrupted pull of that name left; false when there is nothing.
bool RemoveUnfinished(const std::string& store, const std::string& name, bool yes) {
  const std::string folder = PullFolderPath(store, name);
  if (!DirectoryExists(folder)) return false;
  if (!yes && !Confirmed("the unfinished download of " + name)) return true;
  PullFolder(store, name).Discard();  // holds its lock: nobody is pulling it
  PrintError(fmt::format("removed what was downloaded of {}\n", name));
  return true;
}

int Execute(const RemoveOptions& options, const Settings& settings) {
  const std::string store = ModelStoreDirectory(settings);
  const std::vector<ModelEntry> models = FindModels(settings);
  const ModelEntry* model = FindStoredModel(models, options.name);
  if (options.name == SmolLm2().alias) {
    for (const ModelEntry& entry : models) {
      if (entry.path == JoinPath(store, SmolLm2().file)) model = &entry;
    }
  }
  if (model == nullptr) {
    if (RemoveUnfinished(store, options.name, options.yes)) return kExitOk;
    std::vector<std::string> names;
    for (const ModelEntry& entry : models) {
      if (entry.source == "store") names.push_back(entry.name);
    }
    Fail(ErrorCode::kNotFound,
         "'{}': is no model of the store {}.{} Hint: 'tael list' shows them; models of other "
         "programs are removed by these",
         options.name, store, DidYouMean(options.name, names));
  }
  const std::string shown =
      fmt::format("{} ({}, {})", model->name, HumanBytes(model->size_bytes), model->path);
  if (!options.yes && !Confirmed(shown)) return kExitOk;
  for (const std::string& path : PathsOf(*model, store)) RemoveFromStore(store, path);
  PrintError(fmt::format("removed {}\n", shown));
  return kExitOk;
}

}  // namespace

Command AddRmCommand(CommandParser& program) {
  auto options = std::make_shared<RemoveOptions>();
  CommandParser& command = program.AddCommand(
      {.name = "rm",
       .description = "Remove a model, or what an interrupted pull left, from the model store",
       .footer = "Models of other programs (Hugging Face cache, Ollama, LM Studio) stay."});
  command.AddOption("model", &options->name, "a name that 'tael list' shows",
                    {.type = "MODEL", .required = true});
  command.AddFlag("--yes", &options->yes, "do not ask");
  return {&command, [options](const LoadedSettings& s) { return Execute(*options, s.values); }};
}

}  // namespace tael
