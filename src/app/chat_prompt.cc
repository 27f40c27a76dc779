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

}  // namespace

ChatFormat::ChatFormat(const LoadedModel& loaded)
    : loaded_(loaded),
      source_(TemplateSource(loaded)),
      template_(source_, loaded.path + " chat template"),
      thinking_(FindThinkingStyle(template_, source_)) {}

ChatFormat::Prompt ChatFormat::MakePrompt(Json messages, const ThinkingWish& wish) const {
  TemplateInput input = MakeTemplateInput(loaded_, std::move(messages));
  ApplyThinking(thinking_, wish, &input);
  // A budget of 0 is kept whatever the switch does.
  if (wish.budget != 0) CheckThinkingCounts(thinking_, template_, input);
  std::vector<TextSpan> spans = template_.Render(input);
  Prompt prompt;
  prompt.style.tags = thinking_.tags;
  prompt.style.start = FindReasoningStart(thinking_.tags, spans);
  const bool closed = prompt.style.start == ReasoningStart::kClosed ||
                      prompt.style.start == ReasoningStart::kAnswer;
  const bool to_think = wish.budget ? *wish.budget > 0 : wish.on.value_or(false);
  if (closed && to_think) {
    Fail(ErrorCode::kUnsupported,
         "this model cannot be made to think here: with these messages its template closes the "
         "reasoning in the prompt. Hint: leave --think away, or use --think off");
  }
  if (wish.on == false && thinking_.always_closed && !closed) {
    Fail(ErrorCode::kUnsupported,
         "thinking cannot be switched off here: with these messages the template leaves the "
         "reasoning open. Hint: --think 0 closes it");
  }
  if (wish.budget == 0 && prompt.style.start == ReasoningStart::kInside) {
    // Inside means that the template wrote the last span.
    spans.back().text += thinking_.tags->forced_close;
    prompt.style.start = FindReasoningStart(thinking_.tags, spans);
  }
  prompt.ids = loaded_.tokenizer->EncodeSpans(spans, /*add_special_tokens=*/false);
  if (!wish.budget) return prompt;
  prompt.interjection = loaded_.tokenizer->EncodeSpans(
      {{.text = thinking_.tags->forced_close, .trusted = true}}, /*add_special_tokens=*/false);
  prompt.style.budget = wish.budget;
  return prompt;
}

}  // namespace tael
