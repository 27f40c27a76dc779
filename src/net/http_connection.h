// One client of an HttpServer: reads requests, one after another, and sends their answers.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "net/byte_budget.h"
#include "net/connection_table.h"
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
    std::shared_ptr<ByteBudget> requests, unsent;  // of all connections
    std::function<void(HttpConnection*, ConnectionRank)> on_rank;
    std::function<void(HttpConnection*)> on_closed;
    // Makes room in `requests` for what the connection reads: true when some was made, by giving
    // another one up.
    std::function<bool(HttpConnection*)> make_room;
  };

  HttpConnection(std::shared_ptr<const Host> host, std::unique_ptr<Transport> transport,
                 std::string peer);

  void Start();
  // Closes at once, or behind the answer that is being made.
  void Finish();
  void Close();
  // Gives its request up for others: a 503.
  void Shed();
  // Of the head or body that is being read, on average; none unless it began some time ago.
  std::optional<double> BytesPerSecond() const;
  // Of a request that is being read.
  size_t held_bytes() const { return lease_.bytes(); }

 private:
  enum class Phase { kReading, kAnswering, kLingering, kClosed };

  void Read();
  void OnRead(const boost::system::error_code& error, std::string_view bytes);
  void Proceed();
  size_t CheckHead(HttpHead& head);
  bool Charge();
  void Enter(HttpRequestReader::State state);
  void SetRank(ConnectionRank rank);
  void StartRequest(HttpRequest request);
  std::shared_ptr<HttpAnswer> MakeAnswer(HttpRequest request);
  void Refuse(const HttpError& error);
  HttpResponse ErrorResponse(const HttpError& error) const;
  void Send(std::string bytes);
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
  ByteLease lease_;  // for what the reader keeps
  Phase phase_ = Phase::kReading;
  ConnectionRank rank_ = ConnectionRank::kIdle;
  HttpRequestReader::State seen_ = HttpRequestReader::State::kIdle;  // whose deadline is running
  std::chrono::steady_clock::time_point entered_;                    // that state
  std::optional<HttpResponse> refusal_;                              // by the hook
  std::shared_ptr<HttpAnswer> answer_;
  std::string sending_;
  size_t sent_ = 0;            // of it
  size_t since_deadline_ = 0;  // bytes that the client took
  bool reading_ = false, writing_ = false, ended_ = false, finishing_ = false;
  bool told_to_continue_ = false;
};

}  // namespace tael
