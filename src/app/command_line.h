// The command line: commands, options, checks of their values, --help. Only command_line.cc knows
// the library behind it, which costs the compiler seconds in every file that includes it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace tael {

// What a value must be; anything else is a wrong command line. --help shows it.
struct NonNegative {};
struct IntRange {
  int min, max;  // both allowed
};
struct RealRange {
  double min, max;  // both allowed
};
struct OneOf {
  std::vector<std::string> values;
};
struct ExistingDirectory {};
using ValueCheck =
    std::variant<std::monostate, NonNegative, IntRange, RealRange, OneOf, ExistingDirectory>;

// Where a value goes. An option that is not given leaves its target alone, so that the target's
// value is the default, and an optional says whether the option was given, be it as an empty text.
// A list of an option gets one value per use (--assets A --assets B), a positional one all that is
// left over.
using OptionTarget =
    std::variant<int*, std::string*, std::vector<std::string>*, std::optional<int>*,
                 std::optional<int64_t>*, std::optional<double>*, std::optional<std::string>*>;

struct OptionRules {
  std::string type = {};  // how --help names the value; "" = INT, FLOAT or TEXT
  ValueCheck check = {};
  bool required = false;
  std::string group = {};     // heads its part of --help; "" = with the other options
  bool show_default = false;  // in --help. REQUIRES: the target is an int or a string.
};

struct CommandInfo {
  std::string name, description;
  std::string footer = {};  // the end of --help; "" = the footer of the command above
};

// An option or positional argument as it was added, for those who describe the command line.
struct OptionDescription {
  std::vector<std::string> names;  // "--long", "-s"; of a positional argument its bare name
  std::string help;
  std::string type;                 // as given; "" = a plain number or text
  std::vector<std::string> values;  // that are allowed; empty = not a choice
  bool takes_value = true;
  bool positional() const { return !names[0].starts_with("-"); }
};

// What the arguments asked for.
struct ParseResult {
  enum class Kind {
    kCommand,   // the command chosen() shall run
    kAnswered,  // --help or --version: `text` is the answer
    kWrong      // `text` says what is wrong
  };
  Kind kind;
  std::string text;
};

// The program, or one command of it. Not thread-safe.
class CommandParser {
 public:
  // The program, with the options --help and --version, which answers `version`.
  CommandParser(const CommandInfo& program, const std::string& version);
  ~CommandParser();
  CommandParser(const CommandParser&) = delete;
  CommandParser& operator=(const CommandParser&) = delete;

  // A command below this one, which owns it; the arguments must then name one of the commands.
  // Options of this parser may also follow the command's name.
  CommandParser& AddCommand(const CommandInfo& command);

  // `name` is "--long" or "-s,--long" (a short name beside the long one), or that of a positional
  // argument; those are filled in the order in which they were added. The target must outlive
  // Parse().
  void AddOption(const std::string& name, const OptionTarget& target, const std::string& help,
                 const OptionRules& rules = {});
  // An option without a value, which sets its target.
  void AddFlag(const std::string& name, bool* target, const std::string& help);

  // Fills the targets; when something is wrong, some of them may be filled. Prints nothing.
  // REQUIRES: this is the program; called once.
  ParseResult Parse(std::vector<std::string> arguments);

  std::string name() const;
  // The command directly below this one that the arguments named, known even when they are wrong
  // otherwise; null when there is none.
  const CommandParser* chosen() const;
  // "--name" of every option that was allowed: those of this parser and of the chosen ones below.
  std::vector<std::string> OptionNames() const;
  // The commands directly below this one.
  std::vector<std::string> CommandNames() const;
  std::vector<const CommandParser*> commands() const;
  std::string description() const;
  // Those added to this parser, in order; not --help and --version.
  const std::vector<OptionDescription>& options() const;

 private:
  struct Impl;
  explicit CommandParser(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace tael
