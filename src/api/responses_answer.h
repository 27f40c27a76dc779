// Answers of POST /v1/responses, as a stream or whole.
#pragma once

#include <memory>

#include "api/answer_writer.h"
#include "api/responses_request.h"

namespace tael {

class ResponseWriter : public AnswerWriter {
 public:
  // The response as it is stored and given to GET /v1/responses/ID. REQUIRES: End() or Error() was
  // called.
  virtual const Json& response() const = 0;
};

// Head.id begins with "resp_", head.choices is 1. Reasoning is an item of its own, whose text is
// its content, or its summary where the request asks for one. `timings` is an extension.
std::unique_ptr<ResponseWriter> MakeResponseWriter(const AnswerHead& head,
                                                   const ResponseRequest& request);

}  // namespace tael
