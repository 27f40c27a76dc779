// `tael list`: every model found on this disk.
#include <fmt/format.h>

#include <memory>

#include "app/command.h"
#include "app/model_store.h"
#include "app/terminal.h"
#include "base/json.h"

namespace tael {

Command AddListCommand(CommandParser& program) {
  CommandParser& command = program.AddCommand(
      {.name = "list",
       .description = "Models on this disk: the store, Hugging Face cache, Ollama, LM Studio"});
  auto json = std::make_shared<bool>(false), names = std::make_shared<bool>(false);
  command.AddFlag("--json", json.get(), "print {\"models\": [...]}");
  command.AddFlag("--names", names.get(), "print names only, one a line; opens no file");
  return {&command, [json, names](const LoadedSettings& settings) {
            std::vector<ModelEntry> models = FindModels(settings.values);
            if (*names) {
              for (const ModelEntry& model : models) PrintOut(model.name + "\n");
              return kExitOk;
            }
            Json list = JsonArray{};
            std::vector<std::vector<std::string>> rows = {
                {"name", "size", "architecture", "source", "path"}};
            for (ModelEntry& model : models) {
              model.architecture = DescribeArchitecture(model.path);
              Json entry = JsonObject{};
              entry.Set("name", model.name);
              entry.Set("source", model.source);
              entry.Set("path", model.path);
              entry.Set("size_bytes", model.size_bytes);
              entry.Set("architecture", model.architecture);
              list.Append(std::move(entry));
              const std::string shown = model.architecture.substr(0, model.architecture.find(':'));
              rows.push_back(
                  {model.name, HumanBytes(model.size_bytes), shown, model.source, model.path});
            }
            if (*json) {
              Json out = JsonObject{};
              out.Set("models_directory", ModelStoreDirectory(settings.values));
              out.Set("models", std::move(list));
              PrintOut(DumpJson(out) + "\n");
            } else if (models.empty()) {
              PrintError(fmt::format("no models found; the model store is {}. Try 'tael pull {}'\n",
                                     ModelStoreDirectory(settings.values), SmolLm2().alias));
            } else {
              PrintOut(FormatTable(rows));
            }
            return kExitOk;
          }};
}

}  // namespace tael
