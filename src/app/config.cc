// `tael config`: the settings in effect and where each comes from.
#include <memory>

#include "app/command.h"
#include "app/terminal.h"
#include "base/json.h"

namespace tael {

Command AddConfigCommand(CommandParser& program) {
  CommandParser& command = program.AddCommand(
      {.name = "config",
       .description = "Print the settings in effect, as a configuration file that gives the same",
       .footer = "Settings come from defaults, then the configuration file "
                 "(${XDG_CONFIG_HOME:-~/.config}/tael/\n"
                 "config.toml or --config FILE), then TAEL_MODELS, then --set section.key=value."});
  auto json = std::make_shared<bool>(false);
  command.AddFlag("--json", json.get(), "print key, value and origin as JSON");
  return {&command, [json](const LoadedSettings& settings) {
            PrintOut(*json ? DumpJson(SettingsToJson(settings)) + "\n" : SettingsToToml(settings));
            return kExitOk;
          }};
}

}  // namespace tael
