// Which endpoint answers which path: one row each.
#pragma once

#include <span>
#include <string_view>

#include "server/call.h"
#include "server/service.h"

namespace tael {

struct Endpoint {
  const char* method;
  const char* path;  // one that ends with '/' takes every path that begins so
  Api form;
  // Where it runs: at once on the thread of the sockets, where it must not block; or where it may
  // take its time.
  bool quick;
  void (*answer)(Service& service, const Call& call);
};

std::span<const Endpoint> AllEndpoints();

// Answers the call by its route; 404 or 405 without one.
void Dispatch(Service& service, Call call);

}  // namespace tael
