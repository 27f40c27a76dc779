// Regular expressions of tokenizer files, run by PCRE2 with Unicode properties.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace tael {

// Immutable after construction; safe from several threads.
class Regex {
 public:
  // Throws kUnsupported when PCRE2 cannot compile `pattern`; `where` names the file.
  Regex(std::string_view pattern, std::string_view where);
  ~Regex();
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;

  // First match that is not empty at or after `from` of `text` (valid UTF-8): [begin, end), or
  // {npos, npos}. Throws kExhausted when the match needs more steps than the budget: a limit never
  // turns into a wrong answer.
  std::pair<size_t, size_t> Find(std::string_view text, size_t from) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tael
