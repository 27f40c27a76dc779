// Whole answers: the events of an answer, folded.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "api/answer_writer.h"
#include "api/error_body.h"
#include "base/json.h"

namespace tael {

// A run of text or reasoning, or one call.
struct AnswerPart {
  enum class Kind { kText, kReasoning, kCall };
  Kind kind = Kind::kText;
  std::string text;  // of a call, its arguments
  std::string id = {}, name = {};
  std::vector<AnswerToken> tokens = {};
};

struct AnswerChoice {
  std::vector<AnswerPart> parts;  // as the model wrote them
  AnswerEnd end = AnswerEnd::kStop;
  std::string stop_text;

  void Add(const AnswerEvent& event);

  // All of one kind, joined.
  std::string TextOf(AnswerPart::Kind kind) const;
  bool Has(AnswerPart::Kind kind) const;
};

// What whole answers of all APIs share: they say nothing until the end.
class WholeAnswer : public AnswerWriter {
 public:
  // `choices`: how many there are.
  WholeAnswer(Api api, int choices) : api_(api), choices_(static_cast<size_t>(choices)) {}

  bool streams() const final { return false; }
  const char* content_type() const final { return "application/json"; }
  std::string Begin() final { return ""; }
  std::string Of(const AnswerEvent& event) final;
  std::string End(const AnswerUsage& usage) final { return DumpJson(Body(usage)); }
  std::string Error(const ApiError& error) final { return DumpJson(ErrorBody(api_, error)); }
  std::string KeepAlive() final { return ""; }

 protected:
  const std::vector<AnswerChoice>& choices() const { return choices_; }
  virtual Json Body(const AnswerUsage& usage) = 0;

 private:
  Api api_;
  std::vector<AnswerChoice> choices_;
};

}  // namespace tael
