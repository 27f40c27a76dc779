// One client of an HttpServer: reads requests, one after another, and sends their answers.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "net/http_answer.h"
#include "net/http_server.h"
#include "net/transport.h"

namespace tael {

// On the thread of the sockets only, but for the wake-ups of its answer.
class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  // What a connection needs of its server, which outlives it or is told nothing.
  struct Host {
    // Answers that are still being made keep it when the server is gone.
    std::shared_ptr<boost::asio::io_context> context;
    HttpServerOptions options;
    HttpHandler handler;
    std::function<void(HttpConnection*)> on_waiting;  // has no request now
    std::function<void(HttpConnection*)> on_busy;
    std::function<void(HttpConnection*)> on_closed;
  };

  HttpConnection(std::shared_ptr<const Host> host, std::unique_ptr<Transport> transport,
                 std::string peer);

  void Start();
  // Closes at once, or behind the answer that is being made.
  void Finish();
  void Close();

 private:
  enum class Phase { kReading, kAnswering, kLingering, kClosed };

  void Read();
  void OnRead(const boost::system::error_code& error, std::string_view bytes);
  void Proceed();
  void StartRequest(HttpRequest request);
  void Refuse(const HttpError& error);
  void Flush();
  void Write();
  void OnWritten(const boost::system::error_code& error, size_t bytes);
  void OnAnswered();
  void Linger();
  void SetDeadline(std::chrono::milliseconds timeout);
  void ClearDeadline();
  void OnDeadline();

  const std::shared_ptr<const Host> host_;
  const std::unique_ptr<Transport> transport_;
  boost::asio::steady_timer deadline_;
  const std::string peer_;
  HttpRequestReader reader_;
  Phase phase_ = Phase::kReading;
  HttpRequestReader::State seen_ = HttpRequestReader::State::kIdle;  // whose deadline is running
  std::shared_ptr<HttpAnswer> answer_;
  std::string sending_;
  size_t sent_ = 0;  // of it
  bool reading_ = false, writing_ = false, ended_ = false, finishing_ = false;
  bool told_to_continue_ = false;
};

}  // namespace tael
