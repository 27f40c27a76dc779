#include "api/answer_fold.h"

#include "base/error.h"

namespace tael {

void AnswerChoice::Add(const AnswerEvent& event) {
  const auto append = [&](AnswerPart::Kind kind) {
    if (parts.empty() || parts.back().kind != kind) parts.push_back({.kind = kind, .text = ""});
    AnswerPart& part = parts.back();
    part.text += event.text;
    part.tokens.insert(part.tokens.end(), event.tokens.begin(), event.tokens.end());
  };
  switch (event.kind) {
    case AnswerEvent::Kind::kText:
      return append(AnswerPart::Kind::kText);
    case AnswerEvent::Kind::kReasoning:
      return append(AnswerPart::Kind::kReasoning);
    case AnswerEvent::Kind::kCallBegin:
      parts.push_back({.kind = AnswerPart::Kind::kCall,
                       .text = event.text,
                       .id = event.id,
                       .name = event.name,
                       .tokens = event.tokens});
      return;
    case AnswerEvent::Kind::kCallArguments: {
      int call = 0;
      for (AnswerPart& part : parts) {
        if (part.kind != AnswerPart::Kind::kCall || call++ != event.call) continue;
        part.text += event.text;
        part.tokens.insert(part.tokens.end(), event.tokens.begin(), event.tokens.end());
        return;
      }
      Fail(ErrorCode::kInternal, "answer: arguments of call {}, which did not begin", event.call);
    }
    case AnswerEvent::Kind::kEnd:
      if (!event.tokens.empty()) append(AnswerPart::Kind::kText);
      end = event.end;
      stop_text = event.stop_text;
      return;
  }
}

std::string AnswerChoice::TextOf(AnswerPart::Kind kind) const {
  std::string text;
  for (const AnswerPart& part : parts) {
    if (part.kind == kind) text += part.text;
  }
  return text;
}

bool AnswerChoice::Has(AnswerPart::Kind kind) const {
  for (const AnswerPart& part : parts) {
    if (part.kind == kind) return true;
  }
  return false;
}

std::string WholeAnswer::Of(const AnswerEvent& event) {
  choices_.at(static_cast<size_t>(event.choice)).Add(event);
  return "";
}

}  // namespace tael
