// The bytes of one answer between the thread that makes them and the thread that sends them.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "net/http_exchange.h"

namespace tael {

// Shared by a connection and the handle that a handler holds.
class HttpAnswer {
 public:
  // `wake` is called, on any thread, when there is something for the connection to do.
  HttpAnswer(HttpRequest request, size_t unsent_bytes, std::function<void()> wake);

  // For the handler; as in HttpExchange.
  const HttpRequest& request() const { return request_; }
  void Respond(HttpResponse response);
  void Begin(int status, HttpHeaders headers);
  bool Write(std::string_view bytes);
  void End();
  void OnGone(std::function<void()> callback);
  bool gone() const;
  // The handler dropped its exchange.
  void Abandon();

  // For the connection. What is to be sent now; `*ended`: nothing will follow.
  std::string Take(bool* ended);
  void Sent(size_t bytes);
  // The client is gone; Write() returns false from now on.
  void Break();
  // The stream cannot be completed: the connection is to be broken.
  bool broken() const;
  bool keep_alive() const;
  bool begun() const;

 private:
  void Append(std::string_view bytes);
  void AppendHead(int status, const HttpHeaders& headers);

  const HttpRequest request_;
  const size_t unsent_limit_;
  const std::function<void()> wake_;

  mutable std::mutex mutex_;  // guards what follows
  std::string pending_;
  size_t unsent_ = 0;  // pending and on its way
  bool begun_ = false, ended_ = false, chunked_ = false, gone_ = false, broken_ = false;
  bool keep_alive_ = true;
  std::function<void()> on_gone_;
};

// What a handler gets: gives the answer up when it is destroyed.
std::shared_ptr<HttpExchange> MakeExchange(std::shared_ptr<HttpAnswer> answer);

}  // namespace tael
