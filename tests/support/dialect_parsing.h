// Runs the dialect parser over a text in one piece and in many, for tests.
#pragma once

#include <gtest/gtest.h>

#include <ostream>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/utf8.h"
#include "dialect/dialect_parser.h"

namespace tael {

struct ParsedCall {
  std::string name, arguments;
  std::string id = {};
  CallEnd end = CallEnd::kComplete;

  bool operator==(const ParsedCall&) const = default;
};

struct ParsedAnswer {
  std::string reasoning = {}, answer = {};
  std::vector<ParsedCall> calls = {};

  bool operator==(const ParsedAnswer&) const = default;
};

inline std::ostream& operator<<(std::ostream& out, const ParsedAnswer& parsed) {
  out << "[" << parsed.reasoning << "][" << parsed.answer << "]";
  for (const ParsedCall& call : parsed.calls) {
    out << "\n  " << call.name << " (" << call.id << ") " << call.arguments << " end "
        << static_cast<int>(call.end);
  }
  return out;
}

// The events of `pieces`, neighbours of a kind joined. Checks what holds for every event.
inline std::vector<DialectEvent> ParseEvents(const DialectOptions& options,
                                             const std::vector<std::string>& pieces) {
  DialectParser parser(options);
  std::vector<DialectEvent> joined;
  const auto add = [&](const std::vector<DialectEvent>& events) {
    for (const DialectEvent& event : events) {
      const bool is_end = event.kind == DialectEvent::Kind::kCallEnd;
      EXPECT_NE(event.text.empty(), !is_end);
      const bool is_text = !is_end && event.kind != DialectEvent::Kind::kCallBegin;
      if (is_text && !joined.empty() && joined.back().kind == event.kind &&
          joined.back().call == event.call) {
        joined.back().text += event.text;
      } else {
        joined.push_back(event);
      }
    }
  };
  for (const std::string& piece : pieces) {
    const auto events = parser.Push(piece);
    if (!events.empty()) {
      EXPECT_EQ(IncompleteUtf8Suffix(events.back().text), 0);
    }
    add(events);
  }
  add(parser.Finish());
  return joined;
}

inline ParsedAnswer Collect(const std::vector<DialectEvent>& events) {
  ParsedAnswer parsed;
  bool open = false;
  for (const DialectEvent& event : events) {
    switch (event.kind) {
      case DialectEvent::Kind::kReasoning:
        parsed.reasoning += event.text;
        break;
      case DialectEvent::Kind::kAnswer:
        parsed.answer += event.text;
        break;
      case DialectEvent::Kind::kCallBegin:
        EXPECT_FALSE(open);
        open = true;
        EXPECT_EQ(event.call, static_cast<int>(parsed.calls.size()));
        parsed.calls.push_back({.name = event.text, .arguments = "", .id = event.id});
        break;
      case DialectEvent::Kind::kArguments:
        EXPECT_TRUE(open);
        parsed.calls.at(static_cast<size_t>(event.call)).arguments += event.text;
        break;
      case DialectEvent::Kind::kCallEnd:
        EXPECT_TRUE(open);
        open = false;
        parsed.calls.at(static_cast<size_t>(event.call)).end = event.end;
        break;
    }
  }
  EXPECT_FALSE(open);
  return parsed;
}

inline std::vector<std::string> Bytes(std::string_view text) {
  std::vector<std::string> bytes;
  for (const char c : text) bytes.emplace_back(1, c);
  return bytes;
}

inline std::vector<std::string> RandomPieces(std::string_view text, std::mt19937& random) {
  std::vector<std::string> pieces;
  for (size_t at = 0; at < text.size();) {
    const size_t size = std::min<size_t>(1 + random() % 9, text.size() - at);
    pieces.emplace_back(text.substr(at, size));
    at += size;
  }
  return pieces;
}

// At once and byte by byte, and with `cuts` also cut in two at every place: always the same events.
inline ParsedAnswer ParseEveryWay(const DialectOptions& options, const std::string& text,
                                  bool cuts = true) {
  const std::vector<DialectEvent> whole = ParseEvents(options, {text});
  EXPECT_EQ(ParseEvents(options, Bytes(text)), whole) << "byte by byte: " << text;
  for (size_t i = 1; cuts && i < text.size(); ++i) {
    EXPECT_EQ(ParseEvents(options, {text.substr(0, i), text.substr(i)}), whole)
        << "cut at " << i << ": " << text;
  }
  std::mt19937 random(static_cast<unsigned>(text.size()));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(ParseEvents(options, RandomPieces(text, random)), whole) << text;
  }
  return Collect(whole);
}

// Tools with a parameter of every type.
inline const ToolSchemas& TestTools() {
  static const ToolSchemas tools(ParseJson(
      R"([{"type": "function", "function": {"name": "f", "parameters": {"properties": {
         "s": {"type": "string"}, "i": {"type": "integer"}, "n": {"type": "number"},
         "b": {"type": "boolean"}, "o": {"type": "object"}, "l": {"type": "array"},
         "u": {"type": ["string", "null"]}, "any": {}}}}},
         {"type": "function", "function": {"name": "g"}}])",
      "tools"));
  return tools;
}

inline DialectOptions OptionsOf(std::string_view format) {
  const CallFormat* calls = FindCallFormatNamed(format);
  EXPECT_NE(calls, nullptr) << format;
  return {.calls = calls, .tools = &TestTools()};
}

inline ParsedAnswer ParseAs(std::string_view format, const std::string& text) {
  return ParseEveryWay(OptionsOf(format), text);
}

}  // namespace tael
