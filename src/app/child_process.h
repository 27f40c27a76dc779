// Runs another program without a shell.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace tael {

struct ChildOptions {
  std::vector<std::string> arguments;  // arguments[0] is looked up in PATH
  std::vector<std::pair<std::string, std::string>> environment;  // added to this process's own
  std::string output_file;                                       // receives stdout and stderr
  std::function<bool()> on_tick;  // about ten times a second; false ends the child
};

struct ChildResult {
  bool started = false;  // false: no such program
  int exit_code = -1;    // 128 + signal when a signal ended it
};

ChildResult RunChild(const ChildOptions& options);

}  // namespace tael
