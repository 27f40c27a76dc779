#include "server/call.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/error.h"

namespace tael {

Json Call::Body() const {
  // Deeper ones are no request, and cost stack to copy.
  constexpr JsonLimits kLimits = {.max_depth = 128};
  const std::string& body = request().body;
  if (body.empty()) throw ApiError(400, "invalid_json", "", "the body is empty, needed JSON");
  try {
    Json parsed = ParseJson(body, "the body", kLimits);
    exchange->ReleaseBody();  // answers take long, and all bodies share a budget
    return parsed;
  } catch (const Error& error) {
    throw ApiError(400, "invalid_json", "", error.what());
  }
}

void Call::Answer(const Json& body, int status) const {
  Answer(status, {{"Content-Type", "application/json"}}, DumpJson(body));
}

void Call::Answer(int status, HttpHeaders own, std::string body) const {
  own.emplace_back("x-request-id", record->id);
  own.insert(own.end(), headers.begin(), headers.end());
  record->status = status;
  exchange->Respond({.status = status, .headers = std::move(own), .body = std::move(body)});
}

void Call::Refuse(const ApiError& error) const {
  record->error = error.what();
  HttpHeaders own = {{"Content-Type", "application/json"}};
  if (error.status() == 503 || error.status() == 429) {
    own.emplace_back("Retry-After", std::to_string(std::max(1, error.retry_after_seconds())));
  }
  Answer(error.status(), std::move(own), DumpJson(ErrorBody(form, error, record->id)));
}

}  // namespace tael
