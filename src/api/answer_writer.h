// One answer on its way into the form of an API: the one interface that all endpoints answer by.
#pragma once

#include <string>

#include "api/answer_event.h"
#include "api/api_error.h"

namespace tael {

// A stream gives bytes for every call; a whole answer folds the events, gives "" for all calls but
// End() and Error(), and these give the body. Called from one thread at a time, in the order
// Begin(), Of()..., End() or Error().
class AnswerWriter {
 public:
  virtual ~AnswerWriter() = default;

  virtual bool streams() const = 0;
  virtual const char* content_type() const = 0;  // "text/event-stream", "application/x-ndjson", ...
  // The request is valid and waits for its turn.
  virtual std::string Begin() = 0;
  virtual std::string Of(const AnswerEvent& event) = 0;
  // Behind the end of every choice.
  virtual std::string End(const AnswerUsage& usage) = 0;
  // In the place of End(), when the answer cannot be completed. Of a whole answer, the body that
  // goes with error.status().
  virtual std::string Error(const ApiError& error) = 0;
  // Says that there is somebody, in a form that clients read over.
  virtual std::string KeepAlive() = 0;
};

}  // namespace tael
