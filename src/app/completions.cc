// `tael completions`: scripts for shells, made from the command line's own description.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <utility>

#include "app/command.h"
#include "app/terminal.h"

namespace tael {
namespace {

// A command with the words that lead to it ("eval compare"; "" = the program) and all its options.
struct Node {
  std::string path;
  const CommandParser* parser;
  std::vector<OptionDescription> options;  // also those of the commands above
};

void Collect(const CommandParser& parser, const std::string& path,
             std::vector<OptionDescription> inherited, std::vector<Node>* out) {
  for (const OptionDescription& option : parser.options()) inherited.push_back(option);
  out->push_back({path, &parser, inherited});
  for (const CommandParser* command : parser.commands()) {
    Collect(*command, path.empty() ? command->name() : path + " " + command->name(), inherited,
            out);
  }
}

std::vector<Node> NodesOf(const CommandParser& program) {
  const OptionDescription help{
      .names = {"--help", "-h"}, .help = "help", .type = "", .values = {}, .takes_value = false};
  std::vector<Node> nodes;
  Collect(program, "", {help}, &nodes);
  return nodes;
}

// What completes a value: "@model", "@file", or the words themselves.
std::string ValuesOf(const OptionDescription& option) {
  if (!option.values.empty()) return fmt::format("{}", fmt::join(option.values, " "));
  return option.type == "MODEL" ? "@model" : "@file";
}

std::string Quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// Functions that bash and zsh understand: each prints what may stand at a place of the command
// line.
std::string ShellTables(const std::vector<Node>& nodes) {
  std::string commands, options, values, arguments;
  for (const Node& node : nodes) {
    const auto below = node.parser->CommandNames();
    if (!below.empty()) {
      commands += fmt::format("    {}) echo {} ;;\n", Quoted(node.path),
                              Quoted(fmt::format("{}", fmt::join(below, " "))));
    }
    std::vector<std::string> names;
    bool has_argument = false;  // the first one counts
    for (const OptionDescription& option : node.options) {
      if (option.positional()) {
        if (std::exchange(has_argument, true)) continue;
        arguments +=
            fmt::format("    {}) echo {} ;;\n", Quoted(node.path), Quoted(ValuesOf(option)));
        continue;
      }
      for (const std::string& name : option.names) {
        names.push_back(name);
        if (!option.takes_value) continue;
        values += fmt::format("    {}) echo {} ;;\n", Quoted(node.path + "|" + name),
                              Quoted(ValuesOf(option)));
      }
    }
    options += fmt::format("    {}) echo {} ;;\n", Quoted(node.path),
                           Quoted(fmt::format("{}", fmt::join(names, " "))));
  }
  const auto function = [](const char* name, const std::string& cases) {
    return fmt::format("_tael_{}() {{\n  case \"$1\" in\n{}  esac\n}}\n", name, cases);
  };
  return function("commands", commands) + function("options", options) +
         function("values", values) + function("arguments", arguments);
}

// Where the cursor is: `path` of the command, and what may stand there. Words are split at blanks
// only, because names of models have colons in them.
constexpr const char* kShellPlace = R"sh(_tael_place() {
  # $1: the words before the current one, $2: the current one. Prints candidates, or @model, @file.
  local path='' last='' word
  for word in $(echo "$1"); do
    last=$word
    case " $(_tael_commands "$path") " in
      *" $word "*) path="${path:+$path }$word" ;;
    esac
  done
  case "$last" in
    -*)
      local values
      values=$(_tael_values "$path|$last")
      if [ -n "$values" ]; then echo "$values"; return; fi
      ;;
  esac
  case "$2" in
    -*) _tael_options "$path"; return ;;
  esac
  local commands
  commands=$(_tael_commands "$path")
  if [ -n "$commands" ]; then echo "$commands"; return; fi
  _tael_arguments "$path"
}
)sh";

constexpr const char* kBash = R"sh(_tael() {
  local line=${COMP_LINE:0:COMP_POINT} current before found i
  current=${line##*[[:space:]]}
  before=${line%"$current"}
  before=${before#*[[:space:]]}
  found=$(_tael_place "$before" "$current")
  COMPREPLY=()
  case "$found" in
    @model)
      mapfile -t COMPREPLY < <(compgen -W "$(tael list --names 2>/dev/null)" -- "$current"
        compgen -f -- "$current")
      ;;
    @file) mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$found" -- "$current") ;;
  esac
  # bash takes what stands before a colon for a word of its own.
  if [[ $current == *:* && $COMP_WORDBREAKS == *:* ]]; then
    for i in "${!COMPREPLY[@]}"; do COMPREPLY[i]=${COMPREPLY[i]#"${current%"${current##*:}"}"}; done
  fi
}
complete -o filenames -F _tael tael
)sh";

constexpr const char* kZsh = R"sh(_tael() {
  local before="${words[2,CURRENT-1]}" current="${words[CURRENT]}" found
  found=$(_tael_place "$before" "$current")
  case "$found" in
    @model)
      compadd -- ${(f)"$(tael list --names 2>/dev/null)"}
      _files
      ;;
    @file) _files ;;
    *) compadd -- ${=found} ;;
  esac
}
compdef _tael tael
)sh";

std::string FishScript(const std::vector<Node>& nodes) {
  std::string out = "# fish completion of tael\ncomplete -c tael -f\n";
  for (const Node& node : nodes) {
    std::string condition = "__fish_use_subcommand";
    if (!node.path.empty()) {
      condition = "__fish_seen_subcommand_from " + node.path;
      for (size_t at = condition.rfind(' '); node.path.find(' ') != std::string::npos;) {
        condition =
            fmt::format("__fish_seen_subcommand_from {}; and __fish_seen_subcommand_from {}",
                        node.path.substr(0, node.path.find(' ')), condition.substr(at + 1));
        break;
      }
    }
    const std::string head = fmt::format("complete -c tael -n {}", Quoted(condition));
    for (const CommandParser* command : node.parser->commands()) {
      out += fmt::format("{} -a {} -d {}\n", head, command->name(), Quoted(command->description()));
    }
    for (const OptionDescription& option : node.options) {
      const std::string values = ValuesOf(option);
      const std::string what = values == "@model"  ? " -a '(tael list --names 2>/dev/null)' -F"
                               : values == "@file" ? " -F"
                                                   : " -a " + Quoted(values);
      if (option.positional()) {
        out += head + what + "\n";
        continue;
      }
      out += head;
      for (const std::string& name : option.names) {
        out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      }
      out += fmt::format(" -d {}{}\n", Quoted(option.help),
                         option.takes_value ? " -r" + what : std::string());
    }
  }
  return out;
}

}  // namespace

Command AddCompletionsCommand(CommandParser& program) {
  auto shell = std::make_shared<std::string>();
  CommandParser& command = program.AddCommand(
      {.name = "completions",
       .description = "Print a script that completes commands, options and models in a shell",
       .footer = "bash: source <(tael completions bash), in ~/.bashrc\n"
                 "zsh:  source <(tael completions zsh), in ~/.zshrc after compinit\n"
                 "fish: tael completions fish > ~/.config/fish/completions/tael.fish"});
  command.AddOption("shell", shell.get(), "bash, zsh or fish",
                    {.type = "SHELL", .check = OneOf{{"bash", "zsh", "fish"}}, .required = true});
  return {&command, [shell, &program](const LoadedSettings&) {
            const std::vector<Node> nodes = NodesOf(program);
            if (*shell == "fish") {
              PrintOut(FishScript(nodes));
            } else {
              PrintOut(fmt::format("# {} completion of tael\n", *shell) + ShellTables(nodes) +
                       kShellPlace + (*shell == "bash" ? kBash : kZsh));
            }
            return kExitOk;
          }};
}

}  // namespace tael
