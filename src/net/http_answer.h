// The bytes of one answer between the thread that makes them and the thread that sends them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "net/byte_budget.h"
#include "net/http_exchange.h"

namespace tael {

// How much may wait for a client that does not take it.
struct UnsentLimits {
  size_t own;  // of one answer
  std::shared_ptr<ByteBudget> all;
};

// Shared by a connection and the handle that a handler holds.
class HttpAnswer {
 public:
  // `wake` is called, on any thread, when there is something for the connection to do. `lease` is
  // for the body of the request.
  HttpAnswer(HttpRequest request, ByteLease lease, UnsentLimits limits, std::function<void()> wake);
  ~HttpAnswer();
  HttpAnswer(const HttpAnswer&) = delete;
  HttpAnswer& operator=(const HttpAnswer&) = delete;

  // For the handler; as in HttpExchange.
  const HttpRequest& request() const { return request_; }
  void ReleaseBody();
  void Respond(HttpResponse response);
  void Begin(int status, HttpHeaders headers);
  bool Write(std::string_view bytes);
  void End();
  void OnGone(std::function<void()> callback);
  bool gone() const;
  // The handler dropped its exchange.
  void Abandon();

  // For the connection. What is to be sent next, or ""; `*ended`: nothing will follow.
  std::string Take(bool* ended);
  // What Take() returned was sent, and its memory is free.
  void Sent(size_t bytes);
  // The client is gone; Write() returns false from now on.
  void Break();
  // The stream cannot be completed: the connection is to be broken.
  bool broken() const;
  bool keep_alive() const;
  bool begun() const;

 private:
  bool HasRoom(size_t bytes) const;
  void Count(size_t bytes);
  void Append(std::string_view bytes);
  void AppendHead(int status, const HttpHeaders& headers);

  HttpRequest request_;
  ByteLease lease_;
  const UnsentLimits limits_;
  const std::function<void()> wake_;

  mutable std::mutex mutex_;  // guards what follows
  std::string pending_;
  std::string body_;   // behind pending_: the body of a whole answer
  size_t unsent_ = 0;  // both, and what is on its way
  bool begun_ = false, ended_ = false, chunked_ = false, gone_ = false, broken_ = false;
  bool keep_alive_ = true;
  std::function<void()> on_gone_;
};

// What a handler gets: gives the answer up when it is destroyed.
std::shared_ptr<HttpExchange> MakeExchange(std::shared_ptr<HttpAnswer> answer);

}  // namespace tael
