// Reads what a model writes from the opening of a tool call to its end, in any dialect with
// markers.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "dialect/call_grammar.h"
#include "dialect/json_calls.h"
#include "dialect/named_call.h"
#include "dialect/python_calls.h"
#include "dialect/tagged_call.h"

namespace tael {

// What stands around the calls is read here, the calls themselves by the grammar that the first
// symbol of a body shows: an object, a list, tags, a name.
class CallReader {
 public:
  // All must outlive it; `tools` may be nullptr.
  CallReader(const CallFormat& format, const ToolSchemas* tools, EventWriter& events);
  CallReader(const CallReader&) = delete;  // its parts point to each other
  CallReader& operator=(const CallReader&) = delete;

  const CallFormat& format() const { return format_; }
  // The markers that begin a call, or several of them.
  const std::vector<Marker>& openers() const { return openers_; }
  // Those that only end one.
  const std::vector<Marker>& closers() const { return closers_; }
  // Whether a call without a marker may begin with `c` at the start of a line.
  bool BeginsBare(char c) const;

  // Begins with an opener, or with a byte that BeginsBare().
  void Start(const Symbol& symbol);
  // What to look for before the next symbol.
  const std::vector<Marker>& Markers() const;
  // kFailed, kBefore: it is over, and TakeRaw() is text that is no part of a call.
  Step OnSymbol(const Symbol& symbol);
  // The text ended. TakeRaw() is what is no part of a call.
  void OnEnd();
  std::string TakeRaw() { return std::exchange(raw_, ""); }

 private:
  enum class State { kSection, kBody, kFence, kList, kGrammar, kAfter };
  enum class Grammar { kJson, kNamed, kTagged, kPython };

  bool has_calls() const { return context_.events.num_calls() > calls_before_; }
  Step Dispatch(const Symbol& symbol);
  Step OnFrame(const Symbol& symbol);
  Step OnBody(const Symbol& symbol);
  Step OnListStart(const Symbol& symbol);
  Step OnGrammar(const Symbol& symbol);
  Step OnAfter(const Symbol& symbol);
  Step StartGrammar(Grammar grammar, const Symbol& symbol);
  Step AfterGrammar(bool taken);

  const CallFormat& format_;
  std::string raw_;
  CallContext context_;
  JsonCallGrammar json_;
  NamedCallGrammar named_;
  TaggedCallGrammar tagged_;
  PythonCallGrammar python_;
  std::vector<Marker> openers_, closers_, frame_markers_, name_markers_, none_;

  State state_ = State::kBody;
  Grammar grammar_ = Grammar::kJson;
  bool in_section_ = false, in_call_ = false;  // their ends are to come
  bool bare_ = false;
  int calls_before_ = 0;  // of the section
};

}  // namespace tael
