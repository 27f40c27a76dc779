// Chat templates on top of the Jinja engine, and where a model keeps its template.
#include "text/chat_template.h"

#include "base/error.h"
#include "base/file.h"
#include "checkpoint/open.h"
#include "text/jinja/engine.h"

namespace tael {
namespace {

// Larger template files are no templates.
constexpr int64_t kMaxTemplateFile = 16 << 20;

jinja::EngineLimits EngineLimitsOf(const TemplateLimits& limits) {
  return {.max_steps = limits.max_steps,
          .max_output_bytes = limits.max_output_bytes,
          .max_memory_bytes = limits.max_memory_bytes,
          .max_source_bytes = limits.max_source_bytes,
          .max_depth = limits.max_depth};
}

// The value of a "chat_template" key: a string, or a list of named templates.
std::string SourceFromJson(const Json& value, const std::string& where) {
  if (value.is_string()) return value.as_string();
  if (!value.is_array()) {
    Fail(ErrorCode::kCorrupt,
         "{}: chat_template is of type {}, but must be a string or a list of named templates",
         where, value.type_name());
  }
  std::string names;
  const Json* only = nullptr;
  for (const Json& entry : value.as_array()) {
    const Json *name = entry.Find("name"), *source = entry.Find("template");
    if (name == nullptr || !name->is_string() || source == nullptr || !source->is_string()) {
      Fail(ErrorCode::kCorrupt, "{}: an entry of chat_template lacks 'name' or 'template'", where);
    }
    if (name->as_string() == "default") return source->as_string();
    only = source;
    names += (names.empty() ? "" : ", ") + name->as_string();
  }
  if (value.as_array().size() == 1) return only->as_string();
  Fail(ErrorCode::kNotFound,
       "{}: chat_template has no entry named 'default', only: {}. "
       "Hint: give the wanted template as a file.",
       where, names.empty() ? "(none)" : names);
}

std::optional<std::string> SourceFromFile(const std::string& path) {
  if (!FileExists(path)) return std::nullopt;
  const Json file = ReadJsonFile(path);
  const Json* source = file.Find("chat_template");
  if (source == nullptr || source->is_null()) return std::nullopt;
  return SourceFromJson(*source, path);
}

}  // namespace

struct ChatTemplate::Impl {
  jinja::Engine engine;
};

ChatTemplate::ChatTemplate(std::string_view source, std::string name, const TemplateLimits& limits)
    : impl_(new Impl{jinja::Engine(source, std::move(name), jinja::SyntaxOptions{},
                                   EngineLimitsOf(limits))}) {}
ChatTemplate::~ChatTemplate() = default;
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;

std::vector<TextSpan> ChatTemplate::Render(const TemplateInput& input) const {
  const Json generation(input.add_generation_prompt), bos(input.bos_token), eos(input.eos_token);
  const Json documents;
  std::vector<jinja::Variable> variables = {
      {.name = "messages", .value = &input.messages, .frozen = true},
      {.name = "tools", .value = &input.tools, .frozen = true},
      {.name = "documents", .value = &documents, .trusted = true},
      {.name = "add_generation_prompt", .value = &generation, .trusted = true},
      {.name = "bos_token", .value = &bos, .trusted = true},
      {.name = "eos_token", .value = &eos, .trusted = true},
  };
  for (const auto& [name, value] : input.extra) {
    const bool frozen = name == "messages" || name == "tools" || name == "documents";
    variables.push_back({.name = name, .value = &value, .trusted = false, .frozen = frozen});
  }
  std::vector<TextSpan> spans;
  for (jinja::OutputSpan& span : impl_->engine.Render(variables, input.unix_time)) {
    spans.push_back({std::move(span.text), span.trusted});
  }
  return spans;
}

std::string ChatTemplate::RenderText(const TemplateInput& input) const {
  std::string text;
  for (const TextSpan& span : Render(input)) text += span.text;
  return text;
}

std::optional<std::string> ChatTemplate::FindSource(const Checkpoint& checkpoint) {
  if (checkpoint.gguf != nullptr) {
    const GgufValue* value = checkpoint.gguf->Find("tokenizer.chat_template");
    if (value != nullptr) return checkpoint.gguf->Text("tokenizer.chat_template", "");
  }
  const std::string jinja = JoinPath(checkpoint.directory, "chat_template.jinja");
  if (FileExists(jinja)) return ReadFile(jinja, kMaxTemplateFile);
  for (const char* name : {"chat_template.json", "tokenizer_config.json"}) {
    if (auto source = SourceFromFile(JoinPath(checkpoint.directory, name))) return source;
  }
  return std::nullopt;
}

}  // namespace tael
