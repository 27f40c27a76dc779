// Chat templates: messages in, prompt text out, with the origin of every character.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "text/tokenizer.h"

namespace tael {

// Budgets that make any template end (docs/decisions: sandbox by construction).
struct TemplateLimits {
  int64_t max_steps = 2'000'000;  // evaluated nodes and loop rounds
  int64_t max_output_bytes = 16 << 20;
  int64_t max_memory_bytes = 128 << 20;  // of values alive or created
  int64_t max_source_bytes = 1 << 20;    // of the template itself
  int max_depth = 200;                   // nesting of expressions, macros, parser
};

// The variables a template sees.
struct TemplateInput {
  Json messages = JsonArray{};
  Json tools;  // null or array
  bool add_generation_prompt = true;
  std::string bos_token, eos_token;
  JsonObject extra;  // chat_template_kwargs; override the above
  // Clock for strftime_now: seconds since 1970, local time already applied. -1 = now.
  int64_t unix_time = -1;
};

class ChatTemplate {
 public:
  // Parses once. `name` names the source in messages. Throws kCorrupt/kUnsupported with the line
  // and the expression.
  ChatTemplate(std::string_view source, std::string name, const TemplateLimits& limits = {});
  ~ChatTemplate();
  ChatTemplate(ChatTemplate&&) noexcept;

  // Characters the template itself wrote (and bos/eos tokens) are trusted; those that come from
  // messages, tools or extra are not, through any filter. Throws kInvalidArgument for
  // raise_exception() and type errors (line and expression), kExhausted when a budget is used up.
  // Never partial. Neighbouring spans differ in trust. Safe from several threads.
  std::vector<TextSpan> Render(const TemplateInput& input) const;
  // The same joined into one string.
  std::string RenderText(const TemplateInput& input) const;

  // The template of a model: GGUF's tokenizer.chat_template, else chat_template.jinja,
  // chat_template.json or tokenizer_config.json beside the weights (a string, or a list of named
  // templates of which "default" is taken). nullopt when the model has none. Throws kCorrupt;
  // kNotFound with the names when a list has no default.
  static std::optional<std::string> FindSource(const Checkpoint& checkpoint);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tael
