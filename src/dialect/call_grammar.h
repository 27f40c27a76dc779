// The parts that tool calls are read with. Text comes as symbols: a marker, or a byte that belongs
// to none. So where the text was cut when it came cannot matter.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dialect/call_format.h"
#include "dialect/dialect_event.h"
#include "dialect/json_scanner.h"
#include "dialect/tool_schemas.h"

namespace tael {

enum class MarkerRole {
  kReasoningOpen,
  kReasoningClose,
  kAnswerOpen,
  kAnswerClose,
  kSectionOpen,
  kSectionClose,
  kCallOpen,
  kCallClose,
  kPartEnd,
  kIdOpen,
  kArgsOpen,
  kFunctionOpen,
  kFunctionNameEnd,
  kFunctionClose,
  kParameterOpen,
  kParameterNameEnd,
  kParameterHeadEnd,
  kParameterClose,
  kStart,  // the five of Harmony
  kChannel,
  kConstrain,
  kMessage,
  kEnd,
};

struct Marker {
  std::string_view text;  // not empty; none of a set begins with another one
  MarkerRole role;
};
void AddMarker(const char* text, MarkerRole role, std::vector<Marker>* markers);  // "" adds nothing

struct Symbol {
  std::string_view text;           // the marker, or one byte
  const Marker* marker = nullptr;  // nullptr = a byte

  char byte() const { return marker == nullptr ? text[0] : '\0'; }
  bool is(MarkerRole role) const { return marker != nullptr && marker->role == role; }
  bool is_space() const {
    return marker == nullptr && std::string_view(" \t\r\n").find(text[0]) != std::string_view::npos;
  }
};

enum class Step {
  kMore,    // taken
  kDone,    // taken, and it was the last one
  kBefore,  // not taken: what came before was complete, or is given up as malformed
  kAgain,   // not taken: it is to come again, as other markers count now
  kFailed,  // not taken: this is no call, and what was taken since Commit() is text
};

// What a grammar sees of the request, and where it writes.
struct CallContext {
  const CallFormat& format;
  const ToolSchemas* tools;  // nullptr = nothing is known about them
  EventWriter& events;
  std::string& raw;  // what was taken since the last call began or ended

  // Announces a call: from here on its text can no longer come out as answer.
  void Begin(std::string name, std::string id = "") const {
    raw.clear();
    events.BeginCall(std::move(name), std::move(id));
  }
  void End(CallEnd end) const {
    raw.clear();
    events.EndCall(end);
  }
  bool Knows(std::string_view name) const { return tools != nullptr && tools->Has(name); }
};

// The next byte of an object that is all of a call's arguments: kMore; kDone at its end; kBefore
// when the byte cannot stand there, and the call has ended as malformed.
Step TakeArguments(const CallContext& context, JsonScanner& scanner, char c);

// Whether `name` can be that of a tool: not empty, not long, without blank space, quotes, brackets.
bool IsToolName(std::string_view name);
// Whether `symbol` can stand in "```json" and its line break.
bool IsFencePart(const Symbol& symbol);
std::string_view TrimSpace(std::string_view text);

}  // namespace tael
