#include "server/routes.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "server/endpoints.h"

namespace tael {
namespace {

constexpr Endpoint kEndpoints[] = {
    {"GET", "/health", Api::kOpenAi, true, &GetHealth},
    {"GET", "/ready", Api::kOpenAi, true, &GetReady},
    {"GET", "/v1/models", Api::kOpenAi, false, &ListModels},
    {"GET", "/v1/models/", Api::kOpenAi, false, &GetModel},
    {"POST", "/v1/completions", Api::kOpenAi, false, &PostCompletions},
    {"POST", "/v1/chat/completions", Api::kOpenAi, false, &PostChatCompletions},
};

bool Matches(const Endpoint& route, std::string_view path) {
  const std::string_view pattern = route.path;
  if (!pattern.ends_with('/')) return path == pattern;
  return path.starts_with(pattern) && path.size() > pattern.size();
}

// Clients of Ollama and Anthropic read errors in their own form, also of paths that are not there.
Api FormOf(std::string_view path) {
  if (path.starts_with("/api/")) return Api::kOllama;
  return path.starts_with("/v1/messages") ? Api::kAnthropic : Api::kOpenAi;
}

}  // namespace

std::span<const Endpoint> AllEndpoints() { return kEndpoints; }

void Dispatch(Service& service, Call call) {
  const HttpRequest& request = call.request();
  std::string methods;
  for (const Endpoint& route : kEndpoints) {
    if (!Matches(route, request.path)) continue;
    if (request.method != route.method) {
      methods += (methods.empty() ? "" : ", ") + std::string(route.method);
      continue;
    }
    call.form = route.form;
    const std::string_view pattern = route.path;
    if (pattern.ends_with('/')) call.rest = request.path.substr(pattern.size());
    if (route.quick) return route.answer(service, call);
    service.Prepare(call, [&service, &route, call] { route.answer(service, call); });
    return;
  }
  call.form = FormOf(request.path);
  if (!methods.empty()) {
    call.Answer(405, {{"Allow", methods}, {"Content-Type", "application/json"}},
                DumpJson(ErrorBody(call.form,
                                   ApiError(405, "method_not_allowed", "",
                                            fmt::format("{} {}: needed {}", request.method,
                                                        request.path, methods)),
                                   call.id)));
    return;
  }
  call.Refuse(ApiError(404, "not_found", "",
                       fmt::format("{} {}: there is no such endpoint", request.method,
                                   request.path.substr(0, 200))));
}

}  // namespace tael
