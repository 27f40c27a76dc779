// Tool calls against references that nobody here wrote: the models' own chat templates, BFCL, test
// data of Harmony, recorded streams of providers. They lie in ../shared; without it this is
// skipped.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "dialect/dialect_parser.h"
#include "tests/support/dialect_parsing.h"
#include "tests/support/shared_data.h"
#include "tests/support/tar.h"
#include "text/chat_template.h"

namespace tael {
namespace {

struct WantedCall {
  std::string name;
  Json arguments;
};

struct Conversation {
  std::string id;
  std::vector<WantedCall> calls;
  Json tools;
};

// Possible answers are lists of values, also within objects: the first one that says something.
Json FirstValue(const Json& value);

Json FirstOf(const Json& options) {
  if (!options.is_array() || options.as_array().empty()) return options;
  const JsonArray& list = options.as_array();
  const bool optional = list[0].is_string() && list[0].as_string().empty() && list.size() > 1;
  return FirstValue(list[optional ? 1 : 0]);
}

Json FirstValue(const Json& value) {
  if (value.is_object()) {
    Json object = JsonObject{};
    for (const auto& [key, options] : value.as_object()) object.Set(key, FirstOf(options));
    return object;
  }
  if (!value.is_array()) return value;
  Json list = JsonArray{};
  for (const Json& one : value.as_array()) list.Append(FirstValue(one));
  return list;
}

// BFCL's names of types, where they are not those of JSON Schema. A value of another type than
// declared says its type itself.
std::string TypeFor(const Json& declared, const Json& value) {
  static const std::map<std::string, std::string> names = {
      {"dict", "object"}, {"float", "number"}, {"tuple", "array"}};
  const Json* type = declared.Find("type");
  std::string name = type != nullptr && type->is_string() ? type->as_string() : "";
  if (const auto found = names.find(name); found != names.end()) name = found->second;
  const std::string actual = value.type_name();
  const bool fits = name == actual || (name == "number" && actual == "integer");
  return fits ? name : actual;
}

Json ToolFor(const WantedCall& call, const Json& functions) {
  Json properties = JsonObject{};
  Json parameters = JsonObject{};
  parameters.Set("type", "object");
  for (const auto& [key, value] : call.arguments.as_object()) {
    Json declared;
    for (const Json& function : functions.as_array()) {
      if (function.Find("name")->as_string() != call.name) continue;
      const Json* known = function.Find("parameters")->Find("properties")->Find(key);
      if (known != nullptr) declared = *known;
    }
    Json schema = JsonObject{};
    schema.Set("type", TypeFor(declared, value));
    properties.Set(key, schema);
  }
  parameters.Set("properties", properties);
  Json function = JsonObject{};
  function.Set("name", call.name);
  function.Set("parameters", parameters);
  Json tool = JsonObject{};
  tool.Set("type", "function");
  tool.Set("function", function);
  return tool;
}

std::vector<Json> JsonLines(const std::string& text, const std::string& name) {
  std::vector<Json> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) lines.push_back(ParseJson(line, name));
  }
  return lines;
}

// All ground truths of BFCL that are calls of declared functions.
std::vector<Conversation> ReadBfcl(const std::string& archive) {
  const auto files = ReadTarGz(archive);
  const std::string folder = "bfcl/berkeley-function-call-leaderboard/bfcl_eval/data/";
  std::vector<Conversation> conversations;
  for (const auto& [path, text] : files) {
    const std::string answers = folder + "possible_answer/";
    if (!path.starts_with(answers) || path.find("multi_turn") != std::string::npos) continue;
    std::map<std::string, Json> functions;
    for (const Json& line : JsonLines(files.at(folder + path.substr(answers.size())), path)) {
      functions[line.Find("id")->as_string()] = *line.Find("function");
    }
    for (const Json& line : JsonLines(text, path)) {
      Conversation one{.id = line.Find("id")->as_string(), .calls = {}, .tools = JsonArray{}};
      if (functions.count(one.id) == 0) continue;
      for (const Json& call : line.Find("ground_truth")->as_array()) {
        const auto& [name, arguments] = call.as_object().at(0);
        one.calls.push_back({name, FirstValue(arguments)});
        one.tools.Append(ToolFor(one.calls.back(), functions[one.id]));
      }
      conversations.push_back(std::move(one));
    }
  }
  return conversations;
}

Json CallMessage(const std::vector<WantedCall>& calls, const std::string& content, bool as_text) {
  Json list = JsonArray{};
  for (size_t i = 0; i < calls.size(); ++i) {
    Json function = JsonObject{};
    function.Set("name", calls[i].name);
    function.Set("arguments", as_text ? Json(DumpJson(calls[i].arguments)) : calls[i].arguments);
    Json call = JsonObject{};
    std::string id = "call00000";
    id.replace(id.size() - std::to_string(i).size(), std::string::npos, std::to_string(i));
    call.Set("id", id);
    call.Set("type", "function");
    call.Set("function", function);
    list.Append(call);
  }
  Json message = JsonObject{};
  message.Set("role", "assistant");
  message.Set("content", content);
  message.Set("tool_calls", list);
  return message;
}

// What the template writes for `message` after a question: role, text and end; "" if it refuses.
std::string WrittenFor(const ChatTemplate& chat, const Json& message) {
  TemplateInput input;
  Json question = JsonObject{};
  question.Set("role", "user");
  question.Set("content", "Q");
  input.messages.Append(question);
  input.add_generation_prompt = false;
  input.unix_time = 0;
  try {
    const std::string before = chat.RenderText(input);
    input.messages.Append(message);
    const std::string all = chat.RenderText(input);
    size_t same = 0;
    while (same < before.size() && same < all.size() && before[same] == all[same]) ++same;
    return all.substr(same);
  } catch (const Error&) {
    return "";
  }
}

void ExpectCalls(const ParsedAnswer& parsed, const std::vector<WantedCall>& wanted,
                 const std::string& where) {
  ASSERT_EQ(parsed.calls.size(), wanted.size()) << where << "\n" << parsed;
  for (size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(parsed.calls[i].name, wanted[i].name) << where;
    EXPECT_EQ(parsed.calls[i].end, CallEnd::kComplete) << where << parsed;
    EXPECT_EQ(DumpJson(ParseJson(parsed.calls[i].arguments, where)), DumpJson(wanted[i].arguments))
        << where;
  }
}

// The number of ground truths that came back; 0 = the template writes no calls.
int RoundTrips(const std::string& name, const std::string& source,
               const std::vector<Conversation>& conversations) {
  const CallFormat* format = FindCallFormat(source);
  if (format == nullptr) return 0;
  const ChatTemplate chat(source, name);
  int count = 0;
  for (size_t i = 0; i < conversations.size(); ++i) {
    const Conversation& one = conversations[i];
    std::vector<WantedCall> wanted = one.calls;
    const std::string content = i % 3 == 0 ? "Let me see." : "";
    std::string text = WrittenFor(chat, CallMessage(wanted, content, /*as_text=*/false));
    if (text.empty()) text = WrittenFor(chat, CallMessage(wanted, content, /*as_text=*/true));
    if (text.empty() && wanted.size() > 1) continue;  // one call at a time
    if (text.find(wanted[0].name) == std::string::npos) return count;
    const std::vector<WantedCall> first(wanted.begin(), wanted.begin() + 1);
    if (text == WrittenFor(chat, CallMessage(first, content, /*as_text=*/false))) wanted = first;
    const ToolSchemas tools(one.tools);
    const DialectOptions options{.calls = format, .tools = &tools};
    const auto events = ParseEvents(options, {text});
    EXPECT_EQ(ParseEvents(options, Bytes(text)), events) << text;
    if (i % 64 == 0) ParseEveryWay(options, text);
    ExpectCalls(Collect(events), wanted, name + " " + one.id + ": " + text);
    ++count;
    if (testing::Test::HasFailure()) return count;
  }
  return count;
}

std::map<std::string, std::string> Templates() {
  std::map<std::string, std::string> sources;
  for (const char* folder :
       {"assets/chat_templates/templates", "assets/chat_templates/templates-llama-community"}) {
    const auto path = SharedPath(folder);
    if (!path) continue;
    for (const auto& entry : std::filesystem::directory_iterator(*path)) {
      if (entry.path().extension() != ".jinja") continue;
      sources[entry.path().stem().string()] = ReadFile(entry.path().string());
    }
  }
  return sources;
}

TEST(DialectOracle, CallsThatTemplatesWriteComeBack) {
  const auto archive = SharedPath("assets/conformance/tools/bfcl_v4.tar.gz");
  const auto templates = Templates();
  if (!archive || templates.empty()) GTEST_SKIP() << "no shared assets";
  const std::vector<Conversation> conversations = ReadBfcl(*archive);
  EXPECT_GT(conversations.size(), 1000u);
  int total = 0;
  std::set<std::string> silent;
  for (const auto& [name, source] : templates) {
    const int count = RoundTrips(name, source, conversations);
    total += count;
    if (count == 0) silent.insert(name);
  }
  // They write no calls, or (deepseek-r1-llamacpp, granite) refuse or drop them.
  EXPECT_EQ(silent, (std::set<std::string>{"deepseek-r1-llamacpp", "deepseek-v3-2412", "ernie-4.5",
                                           "granite-3.3-2b", "hunyuan-dense-format", "pangu-format",
                                           "phi-3.5-mini", "smollm3-3b", "yi-6b-chat"}));
  EXPECT_GT(total, 36'000);
  RecordProperty("round_trips", total);
}

// What the template writes behind the prompt for an answer with reasoning, text and two calls, up
// to the end of the turn; nullopt if its prompt is not what a finished turn begins with.
std::optional<std::string> TurnBehindPrompt(const ChatTemplate& chat, const ReasoningTags* tags,
                                            const std::vector<WantedCall>& calls,
                                            ReasoningStart* start) {
  Json message = CallMessage(calls, "Let me see.", /*as_text=*/false);
  if (tags != nullptr) message.Set(tags->history_key, "It is far.");
  TemplateInput input;
  Json question = JsonObject{};
  question.Set("role", "user");
  question.Set("content", "Q");
  input.messages.Append(question);
  input.unix_time = 0;
  try {
    const std::string prompt = chat.RenderText(input);
    *start = FindReasoningStart(tags, chat.Render(input));
    input.messages.Append(message);
    input.add_generation_prompt = false;
    std::string text = chat.RenderText(input);
    if (!text.starts_with(prompt)) return std::nullopt;
    text.erase(0, prompt.size());
    for (const char* end : {"<|im_end|>", "<\uff5cend\u2581of\u2581sentence\uff5c>", "</s>",
                            "<|eot_id|>", "<seed:eos>", "<|assistant_end|>"}) {
      text = text.substr(0, text.find(end));
    }
    return text;
  } catch (const Error&) {
    return std::nullopt;
  }
}

TEST(DialectOracle, TurnsWithReasoningAndCallsComeBack) {
  const auto templates = Templates();
  if (templates.empty()) GTEST_SKIP() << "no shared assets";
  const std::vector<WantedCall> calls = {{"f", ParseJson(R"({"city": "Oslo"})", "a")},
                                         {"g", ParseJson(R"({"city": "Rome\nEUR"})", "b")}};
  const ToolSchemas tools;
  std::set<std::string> with_reasoning, without;
  for (const auto& [name, source] : templates) {
    const ReasoningTags* tags = FindReasoningTags(source);
    DialectOptions options{.reasoning = tags, .calls = FindCallFormat(source), .tools = &tools};
    const ChatTemplate chat(source, name);
    const auto text = TurnBehindPrompt(chat, tags, calls, &options.start);
    if (options.calls == nullptr || !text || text->find("Oslo") == std::string::npos) continue;
    const ParsedAnswer parsed = ParseEveryWay(options, *text);
    const bool reasons = text->find("It is far.") != std::string::npos;
    (reasons ? with_reasoning : without).insert(name);
    const bool one_call = text->find("Rome") == std::string::npos;
    EXPECT_EQ(parsed.reasoning, reasons ? "It is far." : "") << name << *text;
    const bool answers = text->find("Let me see.") != std::string::npos;  // Mistral drops it
    EXPECT_EQ(parsed.answer, answers ? "Let me see." : "") << name << *text;
    ExpectCalls(parsed, one_call ? std::vector<WantedCall>{calls[0]} : calls, name + *text);
  }
  EXPECT_EQ(with_reasoning,
            (std::set<std::string>{"glm-4.6", "glm-4.7-flash", "glm-5.2", "kimi-k2-thinking",
                                   "qwen3-0.6b", "qwen3.5-4b", "seed-oss", "step-3.5-flash"}));
  EXPECT_GE(without.size(), 11u);
}

TEST(DialectOracle, FormatOfPublishedTemplates) {
  const auto templates = Templates();
  if (templates.empty()) GTEST_SKIP() << "no shared assets";
  std::map<std::string, std::string> found;
  for (const auto& [name, source] : templates) {
    const CallFormat* format = FindCallFormat(source);
    found[name] = format != nullptr ? format->name : "none";
  }
  const std::map<std::string, std::set<std::string>> expected = {
      {"apertus", {"apertus-8b"}},
      {"deepseek",
       {"deepseek-r1-distill-qwen-32b", "deepseek-r1-llamacpp", "deepseek-v3-2412",
        "deepseek-v3.1"}},
      {"dsml", {"deepseek-v3.2", "deepseek-v4"}},
      {"glm", {"glm-4.6", "glm-4.7-flash", "glm-5.2"}},
      {"granite", {"granite-3.3-2b"}},
      {"harmony", {"gpt-oss-120b"}},
      {"hermes", {"mimo-vl", "qwen2.5-7b-instruct", "qwen3-0.6b", "qwq-32b"}},
      {"kimi-k2", {"kimi-k2", "kimi-k2-instruct", "kimi-k2-thinking"}},
      {"llama3", {"llama-3.1-8b-instruct", "llama-3.2-3b-instruct", "llama-3.3-70b-instruct"}},
      {"mistral", {"ministral-3-14b-reasoning", "mistral-nemo", "mistral-small-3.2"}},
      {"none", {"ernie-4.5", "phi-3.5-mini", "smollm3-3b", "yi-6b-chat"}},
      {"pangu", {"pangu-format"}},
      {"qwen3-coder", {"qwen3-coder", "qwen3.5-4b", "step-3.5-flash"}},
      {"seed", {"seed-oss"}},
      {"tool-calls", {"hunyuan-dense-format"}},
  };
  for (const auto& [format, names] : expected) {
    for (const std::string& name : names) {
      if (found.count(name) == 0) continue;
      EXPECT_EQ(found[name], format) << name;
      found.erase(name);
    }
  }
  EXPECT_TRUE(found.empty()) << found.begin()->first;
}

}  // namespace
}  // namespace tael
