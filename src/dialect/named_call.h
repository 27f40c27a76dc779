// A call whose name stands before its JSON: KIND separator NAME, then an object, fenced or not.
#pragma once

#include <string>

#include "dialect/call_grammar.h"
#include "dialect/json_scanner.h"

namespace tael {

class NamedCallGrammar {
 public:
  explicit NamedCallGrammar(const CallContext& context) : context_(context) {}

  void Start();  // before the first byte of the name
  Step OnSymbol(const Symbol& symbol);
  void OnEnd();
  bool in_arguments() const { return state_ == State::kArguments; }

 private:
  enum class State { kName, kId, kBeforeArguments, kFence, kArguments };

  Step OnName(const Symbol& symbol);
  Step OnBeforeArguments(const Symbol& symbol);
  Step OnArguments(char c);
  // The head is complete; false if it is none.
  bool Begin();
  Step EndWithoutArguments();

  const CallContext& context_;
  State state_ = State::kName;
  JsonScanner scanner_;
  std::string kind_, name_, id_;  // kind_: what stood before a separator
};

}  // namespace tael
