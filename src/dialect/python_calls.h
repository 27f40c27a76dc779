// Calls as Python writes them: [f(a=1), g(b='x')], or f.call(a=1).
#pragma once

#include <string>

#include "dialect/call_grammar.h"

namespace tael {

// A call is given out when its closing parenthesis has come: what is not complete is text, and so
// are arguments without names.
class PythonCallGrammar {
 public:
  explicit PythonCallGrammar(const CallContext& context) : context_(context) {}

  // Before the first byte of a name. `list`: within brackets, else one f.call(...). `bare`: only
  // known tools count.
  void Start(bool list, bool bare);
  Step OnByte(char c);

 private:
  enum class State { kName, kArguments, kNext };

  Step OnName(char c);
  Step OnArguments(char c);
  void OnQuoted(char c);
  Step OnNext(char c);
  Step Finish();

  const CallContext& context_;
  State state_ = State::kName;
  bool list_ = false, bare_ = false;
  std::string name_, arguments_;
  std::string open_;   // closing brackets that are missing, innermost last
  char quote_ = '\0';  // within a string: what it is quoted with
  bool escape_ = false, triple_ = false;
  bool just_closed_ = false;  // '' may become the opening of a string in triple quotes
  size_t length_ = 0;         // of the string, with its opening
  int quotes_ = 0;            // in a row
};

}  // namespace tael
