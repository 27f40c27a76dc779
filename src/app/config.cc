// `tael config`: the settings in effect and where each comes from.
#include <CLI/CLI.hpp>
#include <memory>

#include "app/command.h"
#include "app/terminal.h"
#include "base/json.h"

namespace tael {

Command AddConfigCommand(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "config", "Print the settings in effect, as a configuration file that gives the same");
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "print key, value and origin as JSON");
  command->footer(
      "Settings come from defaults, then the configuration file "
      "(${XDG_CONFIG_HOME:-~/.config}/tael/\n"
      "config.toml or --config FILE), then TAEL_MODELS, then --set section.key=value.");
  return {command, [json](const LoadedSettings& settings) {
            PrintOut(*json ? DumpJson(SettingsToJson(settings)) + "\n" : SettingsToToml(settings));
            return kExitOk;
          }};
}

}  // namespace tael
