// Patterns of module names in adapter_config.json (rank_pattern, alpha_pattern, target_modules).
#pragma once

#include <optional>
#include <regex>
#include <string>

namespace tael {

// A regular expression in Python's spelling. Only what means the same here is taken, and only what
// is matched in polynomial time: no lookarounds, no counts in braces, no references back.
class ModulePattern {
 public:
  enum class Fits { kWhole, kEnd };  // the whole name; or its end, from its start or a dot on

  // `where` names file and key in messages. Throws kUnsupported, kCorrupt (cannot be read).
  ModulePattern(const std::string& pattern, Fits fits, const std::string& where);

  bool Matches(const std::string& module) const;
  // False for names, which cost next to nothing; their dots match any character.
  bool is_expression() const { return expression_.has_value(); }

 private:
  std::string name_;
  Fits fits_;
  std::optional<std::regex> expression_;
};

}  // namespace tael
