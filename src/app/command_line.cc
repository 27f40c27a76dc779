#include "app/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>
#include <utility>

namespace tael {

struct CommandParser::Impl {
  std::shared_ptr<CLI::App> app;
  std::vector<std::unique_ptr<CommandParser>> commands;
  std::vector<OptionDescription> options;
};

namespace {

struct ValidatorOf {
  CLI::Validator operator()(std::monostate) const { return {}; }
  CLI::Validator operator()(NonNegative) const { return CLI::NonNegativeNumber; }
  CLI::Validator operator()(IntRange range) const { return CLI::Range(range.min, range.max); }
  CLI::Validator operator()(RealRange range) const { return CLI::Range(range.min, range.max); }
  CLI::Validator operator()(const OneOf& set) const { return CLI::IsMember(set.values); }
  CLI::Validator operator()(ExistingDirectory) const { return CLI::ExistingDirectory; }
};

struct OptionAdder {
  CLI::App& app;
  const std::string& name;
  const std::string& help;

  template <typename T>
  CLI::Option* operator()(T* value) const {
    return app.add_option(name, *value, help);
  }

  CLI::Option* operator()(std::vector<std::string>* list) const {
    CLI::Option* option = app.add_option(name, *list, help);
    if (!name.starts_with("-")) return option;
    // expected(1) only for --help, which then writes no "..." behind the type.
    return option->expected(1)->take_all()->allow_extra_args(false);
  }
};

}  // namespace

namespace {

// "-s,--long" as a list.
std::vector<std::string> NamesOf(const std::string& name) {
  std::vector<std::string> names;
  std::istringstream stream(name);
  for (std::string one; std::getline(stream, one, ',');) names.push_back(one);
  return names;
}

}  // namespace

CommandParser::CommandParser(const CommandInfo& program, const std::string& version)
    : impl_(std::make_unique<Impl>()) {
  impl_->app = std::make_shared<CLI::App>(program.description, program.name);
  impl_->app->footer(program.footer);
  impl_->app->fallthrough();  // commands take this over, as they do the footer
  impl_->app->set_version_flag("--version", version);
}

CommandParser::CommandParser(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CommandParser::~CommandParser() = default;

CommandParser& CommandParser::AddCommand(const CommandInfo& command) {
  impl_->app->require_subcommand(1);
  CLI::App* app = impl_->app->add_subcommand(command.name, command.description);
  if (!command.footer.empty()) app->footer(command.footer);
  auto below = std::make_unique<Impl>();
  below->app = impl_->app->get_subcommand_ptr(app);
  impl_->commands.emplace_back(new CommandParser(std::move(below)));
  return *impl_->commands.back();
}

void CommandParser::AddOption(const std::string& name, const OptionTarget& target,
                              const std::string& help, const OptionRules& rules) {
  CLI::Option* option = std::visit(OptionAdder{*impl_->app, name, help}, target);
  if (!rules.type.empty()) option->type_name(rules.type);
  option->check(std::visit(ValidatorOf(), rules.check));
  option->required(rules.required);
  if (!rules.group.empty()) option->group(rules.group);
  if (rules.show_default) option->capture_default_str();
  const auto* set = std::get_if<OneOf>(&rules.check);
  impl_->options.push_back({.names = NamesOf(name),
                            .help = help,
                            .type = rules.type,
                            .values = set != nullptr ? set->values : std::vector<std::string>()});
}

void CommandParser::AddFlag(const std::string& name, bool* target, const std::string& help) {
  impl_->app->add_flag(name, *target, help);
  impl_->options.push_back(
      {.names = NamesOf(name), .help = help, .type = "", .values = {}, .takes_value = false});
}

ParseResult CommandParser::Parse(std::vector<std::string> arguments) {
  std::reverse(arguments.begin(), arguments.end());  // the library takes them from the back
  try {
    impl_->app->parse(std::move(arguments));
    return {ParseResult::Kind::kCommand, ""};
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) return {ParseResult::Kind::kWrong, error.what()};
    std::ostringstream answer;
    impl_->app->exit(error, answer, answer);
    return {ParseResult::Kind::kAnswered, answer.str()};
  }
}

std::string CommandParser::name() const { return impl_->app->get_name(); }

const CommandParser* CommandParser::chosen() const {
  const std::vector<CLI::App*> parsed = impl_->app->get_subcommands();
  for (const auto& command : impl_->commands) {
    if (!parsed.empty() && command->impl_->app.get() == parsed.front()) return command.get();
  }
  return nullptr;
}

std::vector<std::string> CommandParser::OptionNames() const {
  std::vector<std::string> names;
  for (const CommandParser* parser = this; parser != nullptr; parser = parser->chosen()) {
    for (const CLI::Option* option : std::as_const(*parser->impl_->app).get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
  }
  return names;
}

std::vector<std::string> CommandParser::CommandNames() const {
  std::vector<std::string> names;
  for (const auto& command : impl_->commands) names.push_back(command->name());
  return names;
}

std::vector<const CommandParser*> CommandParser::commands() const {
  std::vector<const CommandParser*> all;
  for (const auto& command : impl_->commands) all.push_back(command.get());
  return all;
}

std::string CommandParser::description() const { return impl_->app->get_description(); }

const std::vector<OptionDescription>& CommandParser::options() const { return impl_->options; }

}  // namespace tael
