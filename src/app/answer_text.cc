#include "app/answer_text.h"

#include <algorithm>
#include <string_view>

namespace tael {
namespace {

// The special tokens that markers consist of: they must be seen as text.
std::vector<TokenId> MarkerTokens(const Tokenizer& tokenizer, const ReasoningTags* tags) {
  std::vector<TokenId> ids;
  for (const std::string_view marker : DialectMarkers(tags, /*calls=*/nullptr)) {
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
      detokenizer_(*loaded.tokenizer, /*skip_special=*/true,
                   MarkerTokens(*loaded.tokenizer, style.tags)),
      parser_({.reasoning = style.tags, .start = style.start}),
      stops_(style.stop_strings),
      budget_(style.budget) {}

Verdict AnswerText::Push(TokenId id, const Sink& sink) {
  const auto& ends = loaded_.stop_tokens;
  if (std::binary_search(ends.begin(), ends.end(), id)) return Verdict::kGoOn;
  closing_ = interjected_;
  const bool was_reasoning = parser_.reasoning();
  Take(parser_.Push(detokenizer_.Push(id)), sink);
  if (stops_.found()) return Verdict::kStop;
  if (!budget_ || !parser_.reasoning()) return Verdict::kGoOn;
  if (was_reasoning) --*budget_;  // the token that opened the reasoning is not part of it
  // What is put in must not break a character in two, and the rest of one is 3 tokens at most.
  constexpr int kRestOfCharacter = 3;
  const bool broken = !Detokenizer(detokenizer_).Finish().empty();
  if (*budget_ > (broken ? -kRestOfCharacter : 0)) return Verdict::kGoOn;
  budget_.reset();
  interjected_ = true;
  return Verdict::kInterject;
}

void AnswerText::Finish(const Sink& sink) {
  Take(parser_.Push(detokenizer_.Finish()), sink);
  Take(parser_.Finish(closing_), sink);
  Give(/*reasoning=*/false, stops_.Finish(), sink);
}

// Tool calls are not looked for here: they are text.
void AnswerText::Take(const std::vector<DialectEvent>& events, const Sink& sink) {
  for (const DialectEvent& event : events) {
    const bool reasoning = event.kind == DialectEvent::Kind::kReasoning;
    Give(reasoning, reasoning ? event.text : stops_.Push(event.text), sink);
  }
}

void AnswerText::Give(bool reasoning, const std::string& text, const Sink& sink) {
  if (text.empty()) return;
  (reasoning ? reasoning_ : answer_) += text;
  sink({reasoning, text});
}

}  // namespace tael
