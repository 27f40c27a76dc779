// Nothing is lost: calls of every dialect are broken at random, and every word that was in the text
// has to be in an event.
#include <gtest/gtest.h>

#include <random>

#include "dialect/dialect_parser.h"
#include "tests/support/dialect_parsing.h"

namespace tael {
namespace {

struct Form {
  const char* format;
  std::vector<std::string> parts;  // "W" = a word of its own
};

std::vector<Form> JsonForms() {
  const std::string t = "\uff5ctool\u2581";
  const std::vector<std::string> json = {"{\"", "W",      "\": \"", "W",  "\", \"",
                                         "W",   "\": \"", "W",      "\"}"};
  const auto with_json = [&](std::vector<std::string> parts, const std::vector<std::string>& end) {
    parts.insert(parts.end(), json.begin(), json.end());
    parts.insert(parts.end(), end.begin(), end.end());
    return parts;
  };
  return {
      {"hermes", with_json({"<tool_call>", "\n", "{\"name\": \"", "f", "\", \"arguments\": "},
                           {"}", "\n", "</tool_call>"})},
      {"mistral", with_json({"[TOOL_CALLS]", "f", "[ARGS]"}, {})},
      {"mistral",
       with_json({"[TOOL_CALLS]", "[{\"name\": \"", "f", "\", \"arguments\": "}, {"}]"})},
      {"apertus", with_json({"<|tools_prefix|>", "[{\"", "f", "\": "}, {"}]", "<|tools_suffix|>"})},
      {"llama3", with_json({"{\"name\": \"", "f", "\", \"parameters\": "}, {"}"})},
      {"llama4", {"[", "f", "(", "W", "='", "W", "', ", "W", "=\"", "W", "\")", "]"}},
      {"tool-calls", with_json({"<tool_calls>", "\n", "<tool_call>", "f", "\n```json\n"},
                               {"\n```", "</tool_call>", "\n", "</tool_calls>"})},
      {"deepseek",
       with_json({"<" + t + "calls\u2581begin\uff5c>", "<" + t + "call\u2581begin\uff5c>",
                  "function", "<" + t + "sep\uff5c>", "f", "\n```json\n"},
                 {"\n```", "<" + t + "call\u2581end\uff5c>", "<" + t + "calls\u2581end\uff5c>"})},
      {"kimi-k2", with_json({"<|tool_calls_section_begin|>", "<|tool_call_begin|>", "functions.",
                             "f", ":0", "<|tool_call_argument_begin|>"},
                            {"<|tool_call_end|>", "<|tool_calls_section_end|>"})},
  };
}

std::vector<Form> Forms() {
  const std::string d = "\uff5cDSML\uff5c";
  std::vector<Form> forms = {
      {"qwen3-coder", {"<tool_call>",
                       "\n",
                       "<function=",
                       "f",
                       ">",
                       "\n",
                       "<parameter=",
                       "W",
                       ">",
                       "\n",
                       "W",
                       "\n",
                       "</parameter>",
                       "\n",
                       "<parameter=",
                       "W",
                       ">",
                       "\n",
                       "W",
                       "\n",
                       "</parameter>",
                       "\n",
                       "</function>",
                       "\n",
                       "</tool_call>"}},
      {"glm",
       {"<tool_call>", "f", "\n", "<arg_key>", "W", "</arg_key>", "\n", "<arg_value>", "W",
        "</arg_value>", "\n", "</tool_call>"}},
      {"minimax-m2",
       {"<minimax:tool_call>", "\n", "<invoke name=\"", "f", "\">", "\n", "<parameter name=\"", "W",
        "\">", "W", "</parameter>", "\n", "</invoke>", "\n", "</minimax:tool_call>"}},
      {"dsml",
       {"<" + d + "function_calls>", "\n", "<" + d + "invoke name=\"", "f", "\">", "\n",
        "<" + d + "parameter name=\"", "W", "\" string=\"", "true", "\">", "W",
        "</" + d + "parameter>", "\n", "</" + d + "invoke>", "\n", "</" + d + "function_calls>"}},
  };
  const std::vector<Form> json = JsonForms();
  forms.insert(forms.end(), json.begin(), json.end());
  return forms;
}

class Breaker {
 public:
  // Some calls with text between them, with up to three mistakes.
  std::string Write(const Form& form) {
    std::vector<std::string> parts;
    for (int i = Draw(3); i >= 0; --i) {
      if (Draw(2) == 0) parts.insert(parts.end(), {Word(), " ", Word(), Draw(2) == 0 ? "\n" : ""});
      for (const std::string& part : form.parts) parts.push_back(part == "W" ? Word() : part);
    }
    for (int i = Draw(4); i > 0 && !parts.empty(); --i) Break(&parts);
    std::string text;
    for (const std::string& part : parts) text += part;
    return Draw(5) == 0 ? text.substr(0, random_() % (text.size() + 1)) : text;
  }

 private:
  int Draw(int bound) { return static_cast<int>(random_() % static_cast<unsigned>(bound)); }
  std::string Word() { return "W" + std::to_string(++words_) + "x"; }

  void Break(std::vector<std::string>* parts) {
    static const char* const kStray[] = {"{", "}", "\"", "<", "\n", "`", "```json\n", ",", "]"};
    const auto at = parts->begin() + static_cast<ptrdiff_t>(random_() % parts->size());
    switch (Draw(5)) {
      case 0:
        parts->erase(at);
        break;
      case 1: {
        const std::string copy = (*parts)[random_() % parts->size()];
        parts->insert(at, copy);
        break;
      }
      case 2:
        at->resize(random_() % (at->size() + 1));
        break;
      case 3:
        parts->insert(at, Word());
        break;
      default:
        parts->insert(at, kStray[Draw(std::size(kStray))]);
    }
  }

  std::mt19937 random_{1};
  int words_ = 0;
};

// The first word of `text` that is in no event; empty if none is missing.
std::string LostWord(const std::string& text, const std::vector<DialectEvent>& events) {
  std::string given;
  for (const DialectEvent& event : events) given += event.text + event.id + " ";
  for (size_t at = text.find('W'); at != std::string::npos; at = text.find('W', at + 1)) {
    const size_t end = text.find_first_not_of("0123456789", at + 1);
    if (end == std::string::npos || text[end] != 'x' || end == at + 1) continue;
    const std::string word = text.substr(at, end + 1 - at);
    if (given.find(word) == std::string::npos) return word;
  }
  return "";
}

TEST(ToolCallLosses, EveryWordOfBrokenCallsComesOut) {
  Breaker breaker;
  const std::vector<Form> forms = Forms();
  for (int i = 0; i < 13'000; ++i) {
    const Form& form = forms[static_cast<size_t>(i) % forms.size()];
    const std::string text = breaker.Write(form);
    DialectOptions options = OptionsOf(form.format);
    options.reasoning = FindReasoningTags("<think>");
    options.start = static_cast<ReasoningStart>(i % 3);
    const auto events = ParseEvents(options, {text});
    EXPECT_EQ(ParseEvents(options, Bytes(text)), events) << text;
    ASSERT_EQ(LostWord(text, events), "") << form.format << ": " << text << Collect(events);
  }
}

}  // namespace
}  // namespace tael
