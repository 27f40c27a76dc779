// `tael template`: renders a conversation with a model's chat template, or one from a file.
#include <fmt/format.h>

#include <memory>

#include "app/command.h"
#include "app/model_flags.h"
#include "app/model_store.h"
#include "app/terminal.h"
#include "app/text_input.h"
#include "base/error.h"
#include "base/file.h"
#include "text/chat_template.h"

namespace tael {
namespace {

struct TemplateOptions {
  std::string model, file, input = "-", bos, eos;
  std::vector<std::string> variables;
  bool no_generation_prompt = false, json = false;
};

// An array of messages, or an object with messages, tools, add_generation_prompt, extra.
void ApplyConversation(const Json& document, const std::string& where, TemplateInput& input) {
  if (document.is_array()) {
    input.messages = document;
    return;
  }
  const Json* messages = document.Find("messages");
  if (messages == nullptr || !messages->is_array()) {
    Fail(ErrorCode::kInvalidArgument,
         "{}: found {}; needed an array of messages, or an object with 'messages'", where,
         document.type_name());
  }
  input.messages = *messages;
  if (const Json* tools = document.Find("tools")) input.tools = *tools;
  const Json* prompt = document.Find("add_generation_prompt");
  if (prompt != nullptr && prompt->is_bool()) input.add_generation_prompt = prompt->as_bool();
  const Json* extra = document.Find("extra");
  if (extra != nullptr && extra->is_object()) input.extra = extra->as_object();
}

void ApplyVariables(const TemplateOptions& options, TemplateInput& input) {
  for (const std::string& assignment : options.variables) {
    const size_t equals = assignment.find('=');
    if (equals == std::string::npos) throw UsageError("--var needs the form NAME=JSON");
    const std::string name = assignment.substr(0, equals);
    Json extra(std::move(input.extra));
    extra.Set(name, ParseJson(assignment.substr(equals + 1), "--var " + name));
    input.extra = std::move(extra.as_object());
  }
}

void Print(const std::vector<TextSpan>& spans, bool as_json) {
  std::string text;
  Json list = JsonArray{};
  for (const TextSpan& span : spans) {
    text += span.text;
    Json entry = JsonObject{};
    entry.Set("text", span.text);
    entry.Set("trusted", span.trusted);
    list.Append(std::move(entry));
  }
  if (!as_json) {
    PrintOut(text);
    if (StdoutIsTerminal() && !text.ends_with('\n')) PrintOut("\n");
    return;
  }
  Json out = JsonObject{};
  out.Set("text", text);
  out.Set("spans", std::move(list));
  PrintOut(DumpJson(out) + "\n");
}

int Execute(const TemplateOptions& options, const LoadedSettings& settings) {
  if (options.model.empty() == options.file.empty()) {
    throw UsageError("name a MODEL or a --template FILE, one of them");
  }
  TemplateInput input;
  std::string source, name = options.file;
  if (!options.file.empty()) {
    source = ReadFile(options.file);
  } else {
    name = ResolveModel(options.model, settings.values);
    const Checkpoint checkpoint = OpenCheckpoint(name);
    const auto found = ChatTemplate::FindSource(checkpoint);
    if (!found) Fail(ErrorCode::kNotFound, "{}: the model has no chat template", name);
    source = *found;
    const auto tokenizer = Tokenizer::FromCheckpoint(checkpoint);
    if (const auto id = tokenizer->bos()) input.bos_token = tokenizer->TokenText(*id).value_or("");
    if (const auto id = tokenizer->eos()) input.eos_token = tokenizer->TokenText(*id).value_or("");
  }
  if (!options.bos.empty()) input.bos_token = options.bos;
  if (!options.eos.empty()) input.eos_token = options.eos;
  const std::string where = options.input == "-" ? "stdin" : options.input;
  ApplyConversation(ParseJson(ReadFileOrStdin(options.input), where), where, input);
  if (options.no_generation_prompt) input.add_generation_prompt = false;
  ApplyVariables(options, input);
  Print(ChatTemplate(source, name).Render(input), options.json);
  return kExitOk;
}

}  // namespace

Command AddTemplateCommand(CommandParser& program) {
  auto options = std::make_shared<TemplateOptions>();
  CommandParser& command = program.AddCommand(
      {.name = "template", .description = "Render a conversation with a chat template"});
  command.AddOption("model", &options->model, "whose template to use", {.type = "MODEL"});
  command.AddOption("--template", &options->file, "a Jinja file instead of a model",
                    {.type = "FILE"});
  command.AddOption("--messages", &options->input,
                    "JSON: messages, or {messages, tools, add_generation_prompt, extra}; '-' stdin",
                    {.type = "FILE"});
  command.AddOption("--bos", &options->bos, "text of the BOS token");
  command.AddOption("--eos", &options->eos, "text of the EOS token");
  command.AddOption("--var", &options->variables, "a further template variable (repeatable)",
                    {.type = "NAME=JSON"});
  command.AddFlag("--no-generation-prompt", &options->no_generation_prompt,
                  "do not open the assistant's turn");
  command.AddFlag("--json", &options->json,
                  "print text and spans; control tokens are recognised in trusted spans only");
  return {&command, [options](const LoadedSettings& s) { return Execute(*options, s); }};
}

}  // namespace tael
