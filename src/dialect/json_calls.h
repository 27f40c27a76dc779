// Calls as JSON: an object with a name and arguments, or a list of such objects.
#pragma once

#include <string>

#include "dialect/call_grammar.h"
#include "dialect/json_scanner.h"

namespace tael {

// The name may come before or behind the arguments, the arguments as an object or as a string that
// holds one; {"function": {...}} around both is taken off. Members beside them are dropped; without
// arguments they may be what was meant as such, and it is no call.
class JsonCallGrammar {
 public:
  explicit JsonCallGrammar(const CallContext& context) : context_(context) {}

  // After the bracket that opens the object or the list. `bare`: without a marker before it, so
  // only a call of a known tool counts.
  void Start(bool list, bool bare);
  Step OnByte(char c);
  void OnEnd();  // the text ended

 private:
  enum class State {
    kNext,      // in the list, before an object
    kNextMore,  // in the list, behind an object
    kKeyOrEnd,
    kKey,
    kColon,
    kValue,
    kName,
    kArguments,
    kArgumentString,
    kOther,
    kAfterValue,
  };

  Step OnListByte(char c);
  Step OnKeyOrEnd(char c);
  Step OnKeyEnd();
  Step OnValueStart(char c);
  Step OnArguments(char c);
  void EndArguments();
  Step OnName(char c);
  Step OnOther(char c);
  Step OnAfterValue(char c);
  Step CloseObject();
  Step GiveUp();
  void StartObject();
  // Announces the call once its name and the beginning of its arguments are there.
  void BeginIfKnown();
  void Write(const std::string& text);

  const CallContext& context_;
  State state_ = State::kNext;
  bool list_ = false, bare_ = false;
  int nesting_ = 0;  // of {"function": {...}}
  JsonStringReader string_;
  JsonScanner scanner_;
  std::string key_, name_, held_;  // held_: arguments that came before the name
  std::string scalar_arguments_;   // arguments that are neither object, list nor string
  bool is_scalar_ = false;
  bool ended_ = false;       // by a member that was a call of its own
  bool has_others_ = false;  // members that are not a call's
  bool has_name_ = false, has_arguments_ = false, begun_ = false, arguments_done_ = false;
};

}  // namespace tael
