// An HTTP/1.1 server on one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/http_exchange.h"
#include "net/http_request_reader.h"
#include "net/tls.h"

namespace tael {

struct HttpServerOptions {
  std::string address = "127.0.0.1";        // of IPv4 or IPv6
  std::vector<std::string> more_addresses;  // served on the same port
  int port = 0;                             // 0: any free one
  std::optional<TlsFiles> tls;              // none: plain text
  HttpSizes sizes;
  HttpHeadHook head_hook;    // none: every body may have sizes.body_bytes
  HttpErrorForm error_form;  // none: a line of text
  // Beyond it, who has been waiting longest is closed for a new client (ConnectionTable).
  int max_connections = 12000;
  std::chrono::milliseconds head_timeout{10'000};   // from the first byte of a head to its last
  std::chrono::milliseconds body_timeout{60'000};   // for the whole body
  std::chrono::milliseconds idle_timeout{75'000};   // between requests, and before the first
  std::chrono::milliseconds write_timeout{30'000};  // without a byte taken by the client
  size_t unsent_bytes = size_t{8} << 20;            // of an answer that a client does not take
  // Of all connections together: requests that are being read or held by their exchanges (beyond
  // it the slowest is given up, else 503), and answers that clients do not take.
  size_t all_request_bytes = size_t{256} << 20;
  size_t all_unsent_bytes = size_t{256} << 20;
};

class HttpServer {
 public:
  // Binds and listens, and raises this process's limit of open files. Throws kInvalidArgument
  // (address), kUnavailable (port taken, ...), kExhausted (too few open files allowed), and what
  // LoadTls() throws.
  HttpServer(const HttpServerOptions& options, HttpHandler handler);
  // Closes every connection. Not while Run() is going on.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  int port() const;
  // As many as the limit of open files allows, at most those of the options.
  int max_connections() const;
  // What the one who runs the server should know, for example that files are too few; or "".
  const std::string& notice() const;
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
