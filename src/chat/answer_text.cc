#include "chat/answer_text.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace tael {
namespace {

// The special tokens that markers consist of: they must be seen as text.
std::vector<TokenId> MarkerTokens(const Tokenizer& tokenizer, const AnswerStyle& style) {
  std::vector<TokenId> ids;
  for (const std::string_view marker : DialectMarkers(style.tags, style.calls)) {
    for (size_t begin = 0; begin < marker.size(); ++begin) {
      for (size_t size = 2; begin + size <= marker.size(); ++size) {
        const auto id = tokenizer.FindToken(marker.substr(begin, size));
        if (id && tokenizer.IsSpecial(*id)) ids.push_back(*id);
      }
    }
  }
  return ids;
}

}  // namespace

AnswerText::AnswerText(const LoadedModel& loaded, const AnswerStyle& style)
    : loaded_(loaded),
      style_(style),
      detokenizer_(*loaded.tokenizer, /*skip_special=*/true,
                   MarkerTokens(*loaded.tokenizer, style)),
      parser_({.reasoning = style.tags,
               .start = style.start,
               .calls = style.calls,
               .tools = style_.tools.get()}),
      stops_(style.stop_strings),
      budget_(style.budget) {}

Verdict AnswerText::Push(TokenId id, const Sink& sink) {
  const auto& ends = loaded_.stop_tokens;
  if (std::binary_search(ends.begin(), ends.end(), id)) return Verdict::kGoOn;
  closing_ = interjected_;
  const bool was_reasoning = parser_.reasoning();
  Take(parser_.Push(detokenizer_.Push(id)), sink);
  if (ended()) return Verdict::kStop;
  // The token that opened the reasoning is not part of it.
  if (was_reasoning && parser_.reasoning()) ++reasoning_tokens_;
  if (!budget_ || !parser_.reasoning()) return Verdict::kGoOn;
  if (was_reasoning) --*budget_;
  // What is put in must not break a character in two, and the rest of one is 3 tokens at most.
  constexpr int kRestOfCharacter = 3;
  const bool broken = !Detokenizer(detokenizer_).Finish().empty();
  if (*budget_ > (broken ? -kRestOfCharacter : 0)) return Verdict::kGoOn;
  budget_.reset();
  interjected_ = true;
  return Verdict::kInterject;
}

void AnswerText::Finish(const Sink& sink) {
  if (!ended()) {
    Take(parser_.Push(detokenizer_.Finish()), sink);
    Take(parser_.Finish(closing_), sink);
  }
  Give({.kind = DialectEvent::Kind::kAnswer, .text = stops_.Finish()}, sink);
}

void AnswerText::Take(std::vector<DialectEvent> events, const Sink& sink) {
  for (DialectEvent& event : events) {
    if (ended()) return;
    if (event.kind == DialectEvent::Kind::kAnswer) {
      event.text = stops_.Push(event.text);
    } else if (event.kind == DialectEvent::Kind::kCallBegin) {
      // A stop string does not reach across a call.
      Give({.kind = DialectEvent::Kind::kAnswer, .text = stops_.Finish()}, sink);
    }
    Give(event, sink);
  }
}

void AnswerText::Give(const DialectEvent& event, const Sink& sink) {
  using Kind = DialectEvent::Kind;
  if (event.kind == Kind::kAnswer || event.kind == Kind::kReasoning) {
    if (event.text.empty()) return;
    (event.kind == Kind::kReasoning ? reasoning_ : answer_) += event.text;
  }
  if (event.kind == Kind::kCallEnd) call_ended_ = true;
  sink(event);
}

}  // namespace tael
