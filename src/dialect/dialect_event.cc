#include "dialect/dialect_event.h"

#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"

namespace tael {
namespace {

bool IsObject(const std::string& text) {
  try {
    return ParseJson(text, "arguments").is_object();
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

void EventWriter::Add(DialectEvent event) {
  if (!held_.text.empty()) {
    DialectEvent held = std::exchange(held_, {});
    if (held.kind == event.kind && held.call == event.call) {
      event.text = held.text + event.text;
    } else {
      events_.push_back(std::move(held));
    }
  }
  events_.push_back(std::move(event));
}

void EventWriter::Text(DialectEvent::Kind kind, std::string_view text) {
  if (text.empty()) return;
  if (kind == DialectEvent::Kind::kAnswer) has_answer_ = true;
  const int call = kind == DialectEvent::Kind::kArguments ? num_calls_ - 1 : -1;
  if (!events_.empty() && events_.back().kind == kind && events_.back().call == call) {
    events_.back().text += text;
  } else {
    Add({.kind = kind, .text = std::string(text), .call = call});
  }
}

void EventWriter::BeginCall(std::string name, std::string id) {
  arguments_.clear();
  Add({.kind = DialectEvent::Kind::kCallBegin,
       .text = std::move(name),
       .id = std::move(id),
       .call = num_calls_++});
}

void EventWriter::Arguments(std::string_view text) {
  arguments_ += text;
  Text(DialectEvent::Kind::kArguments, text);
}

void EventWriter::EndCall(CallEnd end) {
  if (end == CallEnd::kComplete && arguments_.find_first_not_of(" \t\r\n") == std::string::npos) {
    Arguments("{}");
  }
  if (IsObject(arguments_)) {
    end = CallEnd::kComplete;
  } else if (end == CallEnd::kComplete) {
    end = CallEnd::kMalformed;
  }
  Add({.kind = DialectEvent::Kind::kCallEnd, .call = num_calls_ - 1, .end = end});
}

std::vector<DialectEvent> EventWriter::Take(bool last) {
  std::vector<DialectEvent> taken = std::exchange(events_, {});
  if (last) {
    if (!held_.text.empty()) taken.push_back(std::exchange(held_, {}));
    return taken;
  }
  if (taken.empty() || taken.back().kind == DialectEvent::Kind::kCallBegin) return taken;
  std::string& text = taken.back().text;
  const auto cut = static_cast<size_t>(IncompleteUtf8Suffix(text));
  if (cut == 0) return taken;
  held_ = {
      .kind = taken.back().kind, .text = text.substr(text.size() - cut), .call = taken.back().call};
  text.resize(text.size() - cut);
  if (text.empty()) taken.pop_back();
  return taken;
}

}  // namespace tael
