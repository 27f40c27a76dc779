// What main.cc knows about a subcommand.
#pragma once

#include <functional>
#include <string>

#include "app/settings.h"

namespace CLI {
class App;
}

namespace tael {

// Exit codes, also documented in --help.
inline constexpr int kExitOk = 0, kExitFailure = 1, kExitUsage = 2;

// A mistake on the command line that the parser cannot see (two options that exclude each other).
class UsageError : public std::exception {
 public:
  explicit UsageError(std::string message) : message_(std::move(message)) {}
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::string message_;
};

struct Command {
  CLI::App* parser = nullptr;                                  // owned by the top-level parser
  std::function<int(const LoadedSettings& settings)> execute;  // returns the exit code
};

// One per file: declares the subcommand's options and says what to do.
Command AddRunCommand(CLI::App& app);
Command AddChatCommand(CLI::App& app);
Command AddPullCommand(CLI::App& app);
Command AddListCommand(CLI::App& app);
Command AddInspectCommand(CLI::App& app);
Command AddTokenizeCommand(CLI::App& app);
Command AddTemplateCommand(CLI::App& app);
Command AddEvalCommand(CLI::App& app);
Command AddVerifyCommand(CLI::App& app);
Command AddDoctorCommand(CLI::App& app);
Command AddConfigCommand(CLI::App& app);

}  // namespace tael
