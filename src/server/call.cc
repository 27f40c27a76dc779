#include "server/call.h"

#include <fmt/format.h>

#include <utility>

#include "base/error.h"

namespace tael {

Json Call::Body() const {
  // Deeper ones are no request, and cost stack to copy.
  constexpr JsonLimits kLimits = {.max_depth = 128};
  const std::string& body = request().body;
  if (body.empty()) throw ApiError(400, "invalid_json", "", "the body is empty, needed JSON");
  try {
    return ParseJson(body, "the body", kLimits);
  } catch (const Error& error) {
    throw ApiError(400, "invalid_json", "", error.what());
  }
}

void Call::Answer(const Json& body, int status) const {
  Answer(status, {{"Content-Type", "application/json"}}, DumpJson(body));
}

void Call::Answer(int status, HttpHeaders headers, std::string body) const {
  headers.emplace_back("x-request-id", id);
  headers.insert(headers.end(), this->headers.begin(), this->headers.end());
  exchange->Respond({.status = status, .headers = std::move(headers), .body = std::move(body)});
}

void Call::Refuse(const ApiError& error) const {
  HttpHeaders headers = {{"Content-Type", "application/json"}};
  if (error.status() == 503 || error.status() == 429) headers.emplace_back("Retry-After", "1");
  Answer(error.status(), std::move(headers), DumpJson(ErrorBody(form, error, id)));
}

}  // namespace tael
