// All endpoints, as routes.cc lists them.
#pragma once

#include "server/call.h"
#include "server/service.h"

namespace tael {

// health.cc
void GetHealth(Service& service, const Call& call);
void GetReady(Service& service, const Call& call);
// models.cc
void ListModels(Service& service, const Call& call);
void GetModel(Service& service, const Call& call);
// completions.cc
void PostChatCompletions(Service& service, const Call& call);
void PostCompletions(Service& service, const Call& call);

}  // namespace tael
