// An HTTP/1.1 server on one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "net/http_exchange.h"
#include "net/http_request_reader.h"
#include "net/tls.h"

namespace tael {

struct HttpServerOptions {
  std::string address = "127.0.0.1";  // of IPv4 or IPv6
  int port = 0;                       // 0: any free one
  std::optional<TlsFiles> tls;        // none: plain text
  HttpSizes sizes;
  // Beyond it, whoever has been waiting longest without a request is closed for a new client.
  int max_connections = 12000;
  std::chrono::milliseconds head_timeout{10'000};   // from the first byte of a head to its last
  std::chrono::milliseconds body_timeout{60'000};   // for the whole body
  std::chrono::milliseconds idle_timeout{75'000};   // between requests, and before the first
  std::chrono::milliseconds write_timeout{30'000};  // without a byte taken by the client
  size_t unsent_bytes = size_t{8} << 20;            // of an answer that a client does not take
};

class HttpServer {
 public:
  // Binds and listens. Throws kInvalidArgument (address), kUnavailable (port taken, ...), and what
  // LoadTls() throws.
  HttpServer(const HttpServerOptions& options, HttpHandler handler);
  // Closes every connection. Not while Run() is going on.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  int port() const;
  // Serves until Stop() has ended it, on this thread.
  void Run();
  // From any thread: no new connections; those without a request close now, others behind their
  // answer, all of them after `drain`. Then Run() returns.
  void Stop(std::chrono::milliseconds drain);
  // From any thread: new connections get the certificate that is in the files now. Throws as
  // LoadTls(), and leaves all as it was.
  void ReloadTls();
  // From any thread: `task` runs on the thread of Run().
  void Post(std::function<void()> task);
  // Connections there are, from any thread.
  int connections() const;

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace tael
