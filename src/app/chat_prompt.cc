#include "app/chat_prompt.h"

#include <utility>

#include "base/error.h"

namespace tael {
namespace {

std::string TemplateSource(const LoadedModel& loaded) {
  auto source = ChatTemplate::FindSource(loaded.model->checkpoint);
  if (!source) {
    Fail(ErrorCode::kNotFound,
         "{}: the model has no chat template, which a conversation needs. Hint: it may be a base "
         "model; use raw completion ('tael run' without --chat)",
         loaded.path);
  }
  return *std::move(source);
}

// With the model's own BOS and EOS text.
TemplateInput MakeTemplateInput(const LoadedModel& loaded, Json messages) {
  const auto text = [&](std::optional<TokenId> id) {
    return id ? loaded.tokenizer->TokenText(*id).value_or("") : std::string();
  };
  TemplateInput input;
  input.messages = std::move(messages);
  input.bos_token = text(loaded.tokenizer->bos());
  input.eos_token = text(loaded.tokenizer->eos());
  return input;
}

std::string Joined(const std::vector<TextSpan>& spans) {
  std::string text;
  for (const TextSpan& span : spans) text += span.text;
  return text;
}

}  // namespace

ChatFormat::ChatFormat(const LoadedModel& loaded)
    : loaded_(loaded),
      source_(TemplateSource(loaded)),
      template_(source_, loaded.path + " chat template"),
      thinking_(FindThinkingStyle(template_, source_)) {}

ChatFormat::Prompt ChatFormat::MakePrompt(Json messages, const ThinkingWish& wish) const {
  TemplateInput input = MakeTemplateInput(loaded_, std::move(messages));
  ApplyThinking(thinking_, wish, &input);
  const std::vector<TextSpan> spans = template_.Render(input);
  Prompt prompt;
  prompt.ids = loaded_.tokenizer->EncodeSpans(spans, /*add_special_tokens=*/false);
  prompt.style.tags = thinking_.tags;
  prompt.style.start = FindReasoningStart(thinking_.tags, Joined(spans));
  if (!wish.budget) return prompt;
  prompt.interjection = loaded_.tokenizer->EncodeSpans(
      {{.text = thinking_.tags->forced_close, .trusted = true}}, /*add_special_tokens=*/false);
  if (*wish.budget == 0 && prompt.style.start == ReasoningStart::kInside) {
    prompt.ids.insert(prompt.ids.end(), prompt.interjection.begin(), prompt.interjection.end());
    prompt.style.start = ReasoningStart::kClosed;
  } else {
    prompt.style.budget = wish.budget;
  }
  return prompt;
}

}  // namespace tael
