// The program: finds the subcommand, reads the settings, runs it, turns errors into exit codes.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "app/command.h"
#include "app/names.h"
#include "app/terminal.h"
#include "app/version.h"
#include "base/error.h"

namespace tael {
namespace {

constexpr const char* kFooter =
    "Exit codes: 0 done; 1 it could not be done (the reason is on stderr); 2 wrong command line;\n"
    "130 ended by Ctrl-C. Results go to stdout, messages to stderr. No colour when piped or with\n"
    "NO_COLOR. Models are named by path or by the names 'tael list' shows.";

struct GlobalOptions {
  std::string config_file;
  std::vector<std::string> assignments;
};

std::vector<Command> AddCommands(CLI::App& app) {
  return {AddRunCommand(app),      AddChatCommand(app),    AddPullCommand(app),
          AddListCommand(app),     AddInspectCommand(app), AddTokenizeCommand(app),
          AddTemplateCommand(app), AddEvalCommand(app),    AddVerifyCommand(app),
          AddDoctorCommand(app),   AddConfigCommand(app)};
}

// Every option of the parser and of the parsers below it that were chosen.
void CollectOptions(const CLI::App& app, std::vector<std::string>& names) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  for (const CLI::App* sub : app.get_subcommands()) CollectOptions(*sub, names);
}

std::string Hint(const CLI::App& app, const std::vector<std::string>& arguments) {
  std::vector<std::string> options, commands;
  CollectOptions(app, options);
  for (const CLI::App* sub : app.get_subcommands({})) commands.push_back(sub->get_name());
  const bool chosen = !app.get_subcommands().empty();
  for (const std::string& argument : arguments) {
    const std::string name = argument.substr(0, argument.find('='));
    const bool known = std::find(options.begin(), options.end(), name) != options.end();
    if (name.starts_with("--") && !known) return DidYouMean(name, options);
    if (!name.starts_with("-") && !chosen) return DidYouMean(name, commands);
  }
  return "";
}

int ReportUsage(const CLI::App& app, const std::string& message,
                const std::vector<std::string>& arguments) {
  const auto chosen = app.get_subcommands();
  PrintError(fmt::format("tael: error: {}{}\nTry 'tael{}{} --help'.\n", message,
                         Hint(app, arguments), chosen.empty() ? "" : " ",
                         chosen.empty() ? "" : chosen[0]->get_name()));
  return kExitUsage;
}

int Dispatch(const CLI::App& app, const std::vector<Command>& commands,
             const GlobalOptions& global) {
  const LoadedSettings settings = LoadSettings(global.config_file, global.assignments);
  for (const Command& command : commands) {
    if (!app.got_subcommand(command.parser)) continue;
    const int code = command.execute(settings);
    FlushOut();
    return code;
  }
  return kExitUsage;
}

int Main(int argc, char** argv) {
  CLI::App app("Tael runs large language models on CPUs.", "tael");
  app.require_subcommand(1);
  app.fallthrough();  // --config and --set may follow the subcommand
  app.footer(kFooter);
  app.set_version_flag("--version", std::string("tael ") + Version());
  GlobalOptions global;
  app.add_option("--config", global.config_file, "configuration file (TOML)")->type_name("FILE");
  app.add_option("--set", global.assignments, "override one setting (repeatable)")
      ->type_name("SECTION.KEY=VALUE")
      ->expected(1)
      ->take_all();
  const std::vector<Command> commands = AddCommands(app);
  for (const Command& command : commands) command.parser->fallthrough();

  const std::vector<std::string> arguments(argv + 1, argv + argc);
  try {
    app.parse(argc, argv);
    return Dispatch(app, commands, global);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    return ReportUsage(app, error.what(), arguments);
  } catch (const UsageError& error) {
    return ReportUsage(app, error.what(), {});
  } catch (const Error& error) {
    std::fflush(stdout);
    PrintError(fmt::format("tael: error: {}\n", error.what()));
  } catch (const std::bad_alloc&) {
    PrintError("tael: error: out of memory\n");
  } catch (const std::exception& error) {
    PrintError(fmt::format("tael: error: internal: {}\n", error.what()));
  }
  return kExitFailure;
}

}  // namespace
}  // namespace tael

int main(int argc, char** argv) { return tael::Main(argc, argv); }
