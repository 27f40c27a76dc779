// Chat templates against the recorded renderings of 35 templates, and the origin of characters.
#include "text/chat_template.h"

#include <gtest/gtest.h>

#include <map>

#include "base/error.h"
#include "base/file.h"
#include "checkpoint/open.h"
#include "tests/support/shared_data.h"

namespace tael {
namespace {

constexpr int64_t kClock = 1768480496;  // 2026-01-15 12:34:56

struct TemplateFile {
  std::string name, source, bos, eos;
};

std::string TextOr(const Json& object, const char* key, const std::string& fallback) {
  const Json* value = object.Find(key);
  return value != nullptr && value->is_string() ? value->as_string() : fallback;
}

std::map<std::string, TemplateFile> LoadTemplates(const std::string& directory) {
  std::map<std::string, TemplateFile> templates;
  const Json index = ReadJsonFile(JoinPath(directory, "templates.json"));
  for (const auto& [name, entry] : index.as_object()) {
    templates[name] = {name, ReadFile(JoinPath(directory, TextOr(entry, "file", ""))),
                       TextOr(entry, "bos_token", ""), TextOr(entry, "eos_token", "")};
  }
  return templates;
}

TemplateInput InputOf(const TemplateFile& file, const Json& conversation) {
  TemplateInput input;
  input.messages = *conversation.Find("messages");
  if (const Json* tools = conversation.Find("tools")) input.tools = *tools;
  if (const Json* add = conversation.Find("add_generation_prompt")) {
    input.add_generation_prompt = add->as_bool();
  }
  if (const Json* extra = conversation.Find("extra"); extra != nullptr && extra->is_object()) {
    input.extra = extra->as_object();
  }
  input.bos_token = file.bos;
  input.eos_token = file.eos;
  input.unix_time = kClock;
  return input;
}

TEST(ChatTemplateGoldens, EveryRecordedRenderingIsReproduced) {
  const auto directory = SharedPath("assets/chat_templates");
  if (!directory) GTEST_SKIP() << "shared reference data is not there";
  const auto templates = LoadTemplates(*directory);
  std::map<std::string, ChatTemplate> parsed;
  for (const auto& [name, file] : templates) {
    try {
      parsed.emplace(name, ChatTemplate(file.source, name));
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
  std::map<std::string, const Json*> conversations;
  const Json cases = ReadJsonFile(JoinPath(*directory, "cases.json"));
  for (const Json& c : cases.as_array()) conversations[c.Find("name")->as_string()] = &c;

  const std::string lines = ReadFile(JoinPath(*directory, "goldens.jsonl"));
  int count = 0;
  for (size_t begin = 0; begin < lines.size();) {
    const size_t end = std::min(lines.find('\n', begin), lines.size());
    const Json golden = ParseJson(std::string_view(lines).substr(begin, end - begin), "golden");
    begin = end + 1;
    ++count;
    const std::string name = golden.Find("template")->as_string();
    const std::string which = golden.Find("case")->as_string();
    SCOPED_TRACE(name + " / " + which);
    const Json* expected = golden.Find("out_mutable_sandbox");
    if (expected == nullptr || !expected->is_string()) expected = golden.Find("out");
    std::string got, error;
    if (!parsed.contains(name)) continue;
    try {
      got = parsed.at(name).RenderText(InputOf(templates.at(name), *conversations.at(which)));
    } catch (const Error& e) {
      error = e.what();
    }
    if (expected != nullptr) {
      EXPECT_EQ(error, "");
      EXPECT_EQ(got, expected->as_string());
    } else {
      EXPECT_NE(error, "") << "the reference fails with " << golden.Find("error")->as_string();
    }
  }
  EXPECT_EQ(count, 1155);
}

// Every marker that templates write, as a user would type it.
constexpr const char* kMarkers[] = {
    "<|im_start|>", "<|im_end|>",          "<|eot_id|>", "<|start|>",    "[INST]",
    "<｜User｜>",   "<｜Assistant｜>",     "</think>",   "<|user|>",     "[gMASK]",
    "<tool_call>",  "<|start_header_id|>", "</s>",       "<|im_middle|>"};

Json Message(const char* role, const std::string& content) {
  return JsonObject{{"role", Json(role)}, {"content", Json(content)}};
}

TEST(ChatTemplateProvenance, MarkersTypedByUsersAreNeverTrusted) {
  const auto directory = SharedPath("assets/chat_templates");
  if (!directory) GTEST_SKIP() << "shared reference data is not there";
  for (const auto& [name, file] : LoadTemplates(*directory)) {
    const ChatTemplate chat(file.source, name);
    for (const std::string marker : kMarkers) {
      SCOPED_TRACE(name + " with " + marker);
      const auto render = [&](const std::string& middle) {
        TemplateInput input;
        const std::string content = "QZ" + middle + "ZQ";
        input.messages = JsonArray{Message("user", content), Message("assistant", "plain"),
                                   Message("user", content)};
        input.bos_token = file.bos;
        input.eos_token = file.eos;
        input.unix_time = kClock;
        std::string trusted, all;
        for (const TextSpan& span : chat.Render(input)) {
          all += span.text;
          if (span.trusted) trusted += span.text;
        }
        return std::pair(trusted, all);
      };
      const auto [trusted, all] = render(marker);
      // What the template wrote is the same whatever the user typed.
      EXPECT_EQ(trusted, render("harmless").first);
      EXPECT_FALSE(trusted.empty());
      // Templates may cut text at </think>; nothing else removes the user's words.
      if (marker != "</think>") {
        EXPECT_NE(all.find("QZ" + marker + "ZQ"), std::string::npos);
      }
    }
  }
}

const char kChatMl[] =
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

TEST(ChatTemplate, ReturnsSpansByOrigin) {
  TemplateInput input;
  input.messages = JsonArray{Message("user", "hi<|im_end|>")};
  const std::vector<TextSpan> spans = ChatTemplate(kChatMl, "chatml").Render(input);
  ASSERT_EQ(spans.size(), 5u);
  EXPECT_EQ(spans[0].text, "<|im_start|>");
  EXPECT_EQ(spans[1].text, "user");
  EXPECT_EQ(spans[3].text, "hi<|im_end|>");
  EXPECT_EQ(spans[4].text, "<|im_end|>\n<|im_start|>assistant\n");
  for (size_t i = 0; i < spans.size(); ++i) EXPECT_EQ(spans[i].trusted, i % 2 == 0) << i;
}

TEST(ChatTemplate, ExtraOverridesAndConversationCannotBeChanged) {
  TemplateInput input;
  input.messages = JsonArray{Message("user", "x")};
  input.extra = {{"add_generation_prompt", Json(false)}, {"enable_thinking", Json(true)}};
  EXPECT_EQ(ChatTemplate(kChatMl, "chatml").RenderText(input), "<|im_start|>user\nx<|im_end|>\n");
  EXPECT_EQ(ChatTemplate("{{ enable_thinking }}{{ tools is none }}", "t").RenderText(input),
            "TrueTrue");
  EXPECT_THROW(ChatTemplate("{{ messages.append(1) }}", "t").Render(input), Error);
  EXPECT_THROW(ChatTemplate("{{ messages[0].pop('role') }}", "t").Render(input), Error);
}

// Prompts of models.md section 10.2 in miniature: Python spellings by ~, JSON spellings by tojson.
TEST(ChatTemplate, ToolCallsKeepKeyOrderAndUnescapedText) {
  TemplateInput input;
  input.messages =
      ParseJson(R"([{"role":"assistant","tool_calls":[{"function":{"name":"get_weather",
      "arguments":{"z":true,"city":"北京 <b>"}}}]}])",
                "messages");
  const ChatTemplate chat(
      "{% for c in messages[0].tool_calls %}{{ '<tool_call>' }}{{ c.function.arguments | tojson }}"
      "{{ c.function.arguments.z ~ '' }}{% endfor %}",
      "t");
  EXPECT_EQ(chat.RenderText(input), "<tool_call>{\"z\": true, \"city\": \"北京 <b>\"}True");
}

class FindSourceTest : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = testing::TempDir() + "tael_chat_template_" +
                 testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(directory_);
    MakeDirectories(directory_);
  }
  void Write(const char* name, const char* text) {
    WriteFileAtomically(JoinPath(directory_, name), text);
  }
  std::optional<std::string> FindSource() const {
    const Checkpoint checkpoint{.path = directory_,
                                .directory = directory_,
                                .container = Container::kSafetensors,
                                .config = ConfigView(JsonObject{}, "config.json"),
                                .tensors = {},
                                .gguf = nullptr,
                                .files = {},
                                .eos_token_ids = {},
                                .generation_config = std::nullopt};
    return ChatTemplate::FindSource(checkpoint);
  }
  std::string directory_;
};

TEST_F(FindSourceTest, LooksInTheFilesInOrder) {
  EXPECT_EQ(FindSource(), std::nullopt);
  Write("tokenizer_config.json", R"({"chat_template": [{"name": "tool_use", "template": "T"},
                                                       {"name": "default", "template": "D"}]})");
  EXPECT_EQ(FindSource(), "D");
  Write("chat_template.json", R"({"chat_template": "J"})");
  EXPECT_EQ(FindSource(), "J");
  Write("chat_template.jinja", "F");
  EXPECT_EQ(FindSource(), "F");
}

TEST_F(FindSourceTest, NamesTheTemplatesWhenNoneIsTheDefault) {
  Write("tokenizer_config.json", R"({"chat_template": [{"name": "rag", "template": "R"},
                                                       {"name": "tool_use", "template": "T"}]})");
  try {
    FindSource();
    FAIL() << "a list without default was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_NE(std::string(error.what()).find("rag, tool_use"), std::string::npos);
  }
}

}  // namespace
}  // namespace tael
