// Chat templates against the recorded renderings of 35 templates, and the origin of characters.
#include "text/chat_template.h"

#include <gtest/gtest.h>

#include <map>

#include "base/error.h"
#include "base/file.h"
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

}  // namespace
}  // namespace tael
