// A call within tags. Its arguments are tagged one by one and become a JSON object by the tool's
// schema; or the object itself stands there, as Llama writes it and others fall back to.
#pragma once

#include <string>
#include <vector>

#include "dialect/call_grammar.h"
#include "dialect/json_scanner.h"

namespace tael {

// A value that can only be a string is given out as it comes, any other one when it is complete.
class TaggedCallGrammar {
 public:
  explicit TaggedCallGrammar(const CallContext& context);

  // Behind the tag that opens the function, or before the first byte of a name without one.
  // `bare`: only a known tool counts.
  void Start(bool bare);
  Step OnSymbol(const Symbol& symbol);
  void OnEnd();
  // What is looked for now. A tag that is missing at a value's end is noticed at the next one, if
  // that begins a line.
  const std::vector<Marker>& Markers() const;

 private:
  enum class State { kName, kParameters, kParameterName, kParameterHead, kValue, kObject };

  Step OnName(const Symbol& symbol);
  Step OnParameters(const Symbol& symbol);
  Step OnValue(const Symbol& symbol);
  Step OnObject(char c);
  void Begin(const char* opening);
  Step EndCall(Step step);
  void StartValue();
  // The beginning of a member, with the name as far as it is known.
  void WriteMember(std::string_view name);
  void AddToValue(char c);
  void EndValue();

  const CallContext& context_;
  const ParameterTags& tags_;
  std::vector<Marker> name_markers_, tag_markers_, parameter_markers_, head_markers_;
  std::vector<Marker> value_markers_, line_markers_, none_;
  State state_ = State::kName;
  std::string name_, parameter_, head_, value_;
  ParameterType type_;
  JsonScanner scanner_;
  bool bare_ = false, begun_ = false, first_ = true;
  bool is_object_ = false;  // the arguments came as one
  bool streams_ = false;    // the value is given out as it comes
  bool at_start_ = false;   // of the value
  // The value's last byte was a line break, which is held back; and it was the value's first byte,
  // which belongs to the tag before it.
  bool line_break_ = false, first_line_break_ = false;
};

}  // namespace tael
