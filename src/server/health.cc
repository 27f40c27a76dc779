// Whether the server lives, and whether it answers.
#include "server/endpoints.h"

namespace tael {
namespace {

void Say(const Call& call, int status, const char* text) {
  Json body;
  body.Set("status", text);
  call.Answer(body, status);
}

}  // namespace

// 200 only once a model is loaded; a server without preloaded ones loads them when asked.
void GetHealth(Service& service, const Call& call) {
  if (!service.started()) return Say(call, 503, "loading");
  Say(call, 200, "ok");
}

void GetReady(Service& service, const Call& call) {
  if (!service.started()) return Say(call, 503, "loading");
  if (service.draining()) return Say(call, 503, "draining");
  Say(call, 200, "ready");
}

}  // namespace tael
