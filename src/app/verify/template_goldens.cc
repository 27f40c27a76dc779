// Goldens of chat templates: goldens.jsonl names templates (templates.json) and conversations
// (cases.json) and gives each pair's rendering or says that it must fail. One row per template.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "app/verify/checks.h"
#include "app/verify/golden_data.h"
#include "app/verify/lookup.h"
#include "base/error.h"
#include "base/file.h"
#include "text/chat_template.h"

namespace tael {
namespace {

constexpr int64_t kClock = 1768480496;  // 2026-01-15 12:34:56, what the goldens were made with

struct Expectation {
  std::string case_name;
  const Json* line = nullptr;
};

struct TemplateData {
  std::string source, bos, eos;
};

std::vector<std::string> FilesCalled(const std::string& name,
                                     const std::vector<std::string>& folders) {
  std::vector<std::string> paths;
  for (const std::string& folder : folders) {
    if (FileExists(JoinPath(folder, name))) paths.push_back(JoinPath(folder, name));
  }
  return paths;
}

TemplateData FindTemplate(const std::string& name, const std::vector<std::string>& folders) {
  TemplateData data;
  std::string file;
  for (const std::string& table : FilesCalled("templates.json", folders)) {
    const Json json = ReadJsonFile(table);
    if (const Json* entry = json.Find(name)) {
      const auto text = [&](const char* key) {
        const Json* value = entry->Find(key);
        return value != nullptr && value->is_string() ? value->as_string() : std::string();
      };
      data.bos = text("bos_token");
      data.eos = text("eos_token");
      if (!text("file").empty()) file = JoinPath(DirName(table), text("file"));
      break;
    }
  }
  if (file.empty() || !FileExists(file)) {
    const auto found = LookUp(
        folders, {"templates/" + name + ".jinja", name + ".jinja", name + "/chat_template.jinja"});
    if (!found) {
      Fail(ErrorCode::kNotFound,
           "template '{}' was found neither near its golden nor under --assets", name);
    }
    file = *found;
  }
  data.source = ReadFile(file);
  return data;
}

// Conversations by name. Of equal names the nearest file's counts; a file further away that is laid
// out otherwise is another program's.
std::map<std::string, Json> ReadCases(const std::vector<std::string>& folders) {
  const std::vector<std::string> paths = FilesCalled("cases.json", folders);
  if (paths.empty()) {
    Fail(ErrorCode::kNotFound, "cases.json was found neither near the golden nor under --assets");
  }
  std::map<std::string, Json> cases;
  for (const std::string& path : paths) {
    const Json json = ReadJsonFile(path);
    if (!json.is_array()) {
      if (path == paths.front()) Fail(ErrorCode::kCorrupt, "{}: not an array", path);
      continue;
    }
    for (const Json& entry : json.as_array()) {
      const Json* name = entry.Find("name");
      if (name != nullptr && name->is_string()) cases.emplace(name->as_string(), entry);
    }
  }
  return cases;
}

TemplateInput MakeInput(const Json& conversation, const TemplateData& data) {
  TemplateInput input;
  input.unix_time = kClock;
  input.bos_token = data.bos;
  input.eos_token = data.eos;
  if (const Json* messages = conversation.Find("messages")) input.messages = *messages;
  if (const Json* tools = conversation.Find("tools")) input.tools = *tools;
  const Json* prompt = conversation.Find("add_generation_prompt");
  if (prompt != nullptr && prompt->is_bool()) input.add_generation_prompt = prompt->as_bool();
  const Json* extra = conversation.Find("extra");
  if (extra != nullptr && extra->is_object()) input.extra = extra->as_object();
  return input;
}

// "" when the rendering is as expected. A rendering that must fail may also fail while parsing.
std::string CompareCase(const Json& line, const Json& conversation, const TemplateData& data,
                        const std::string& name) {
  const Json* wanted = line.Find("out_mutable_sandbox");
  if (wanted == nullptr) wanted = line.Find("out");
  const bool must_fail = wanted == nullptr;
  if (must_fail && line.Find("error") == nullptr) return "neither 'out' nor 'error' in the golden";
  try {
    const std::string found =
        ChatTemplate(data.source, name).RenderText(MakeInput(conversation, data));
    if (must_fail) return "rendered, but must fail";
    return wanted->is_string() && found == wanted->as_string() ? "" : "other text";
  } catch (const Error& error) {
    return must_fail ? "" : error.what();
  }
}

void CheckTemplate(VerifyRow& row, const std::string& name, const std::vector<Expectation>& lines,
                   const std::vector<std::string>& folders) {
  const TemplateData data = FindTemplate(name, folders);
  const std::map<std::string, Json> cases = ReadCases(folders);
  size_t wrong = 0;
  for (const Expectation& expected : lines) {
    const auto conversation = cases.find(expected.case_name);
    const std::string fault = conversation == cases.end()
                                  ? "no such case in cases.json"
                                  : CompareCase(*expected.line, conversation->second, data, name);
    if (fault.empty()) continue;
    if (++wrong <= 2)
      row.detail += fmt::format("{}: {}; ", expected.case_name, fault.substr(0, 200));
  }
  Judge(row, static_cast<double>(wrong), 0);
  if (wrong > 0) row.detail = fmt::format("{} of {} cases: {}", wrong, lines.size(), row.detail);
}

JsonArray ReadLines(const std::string& path) {
  const std::string text = ReadMaybeGzip(path);
  JsonArray lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    if (end > begin)
      lines.push_back(ParseJson(std::string_view(text).substr(begin, end - begin), path));
    begin = end + 1;
  }
  if (lines.empty()) Fail(ErrorCode::kCorrupt, "{}: no cases", path);
  return lines;
}

}  // namespace

std::vector<VerifyRow> CheckTemplateGolden(const Golden& golden, const VerifyContext& context) {
  JsonArray lines;
  std::vector<std::string> order;
  std::map<std::string, std::vector<Expectation>> by_template;
  VerifyRow whole = MakeRow(golden);
  whole.status = RowStatus::kPass;
  CheckRow(whole, [&](VerifyRow&) {
    lines = ReadLines(golden.path);
    for (const Json& line : lines) {
      const std::string name = TextMember(line, "template", golden.path);
      if (!by_template.contains(name)) order.push_back(name);
      by_template[name].push_back({TextMember(line, "case", golden.path), &line});
    }
  });
  if (whole.status != RowStatus::kPass) return {whole};
  const auto folders = LookupFolders(DirName(golden.path), context.assets);
  std::vector<VerifyRow> rows;
  for (const std::string& name : order) {
    VerifyRow row = MakeRow(golden, name);
    CheckRow(row, [&](VerifyRow& r) { CheckTemplate(r, name, by_template[name], folders); });
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace tael
