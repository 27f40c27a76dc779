#include "api/error_body.h"

namespace tael {
namespace {

const char* OpenAiType(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 429:
      return "rate_limit_error";
    default:
      return status >= 500 ? "server_error" : "invalid_request_error";
  }
}

const char* AnthropicType(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 408:
    case 504:
      return "timeout_error";
    case 409:
      return "conflict_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 503:
    case 529:
      return "overloaded_error";
    default:
      return status >= 500 ? "api_error" : "invalid_request_error";
  }
}

Json OpenAiError(const ApiError& error) {
  Json inner, body;
  inner.Set("message", error.what());
  inner.Set("type", OpenAiType(error.status()));
  inner.Set("param", error.param().empty() ? Json() : Json(error.param()));
  inner.Set("code", error.code().empty() ? Json() : Json(error.code()));
  body.Set("error", std::move(inner));
  return body;
}

Json AnthropicError(const ApiError& error, const std::string& request_id) {
  Json inner, body;
  inner.Set("type", AnthropicType(error.status()));
  inner.Set("message", error.what());
  body.Set("type", "error");
  body.Set("error", std::move(inner));
  body.Set("request_id", request_id.empty() ? Json() : Json(request_id));
  return body;
}

}  // namespace

Json ErrorBody(Api api, const ApiError& error, const std::string& request_id) {
  switch (api) {
    case Api::kOpenAi:
      return OpenAiError(error);
    case Api::kAnthropic:
      return AnthropicError(error, request_id);
    case Api::kOllama:
      break;
  }
  Json body;
  body.Set("error", error.what());
  return body;
}

}  // namespace tael
