#include "net/http_server.h"

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <mutex>
#include <unordered_map>

#include "base/error.h"
#include "net/http_connection.h"

namespace tael {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

// When the process has no more file descriptors.
constexpr std::chrono::milliseconds kRetryAccept{100};

}  // namespace

class HttpServer::Core : public std::enable_shared_from_this<HttpServer::Core> {
 public:
  explicit Core(const HttpServerOptions& options)
      : options_(options), acceptor_(*context_), retry_(*context_), drain_(*context_) {}

  void ReloadTls() {
    if (!options_.tls) return;
    auto loaded = LoadTls(*options_.tls);
    const std::lock_guard lock(tls_mutex_);
    tls_ = std::move(loaded);
  }

  void Listen(HttpHandler handler) {
    ReloadTls();
    boost::system::error_code error;
    const asio::ip::address address = asio::ip::make_address(options_.address, error);
    if (error) {
      Fail(ErrorCode::kInvalidArgument, "address '{}': needed one of IPv4 or IPv6. Hint: 127.0.0.1",
           options_.address);
    }
    if (options_.port < 0 || options_.port > 65535) {
      Fail(ErrorCode::kInvalidArgument, "port {}: needed 0 to 65535", options_.port);
    }
    const tcp::endpoint endpoint(address, static_cast<unsigned short>(options_.port));
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      Fail(ErrorCode::kUnavailable, "{} port {}: {}. Hint: choose another port", options_.address,
           options_.port, error.message());
    }
    auto host = std::make_shared<HttpConnection::Host>();
    host->context = context_;
    host->options = options_;
    host->handler = std::move(handler);
    // Connections do not outlive Close(), which the server's end calls.
    host->on_waiting = [this](HttpConnection* c) { SetWaiting(c, true); };
    host->on_busy = [this](HttpConnection* c) { SetWaiting(c, false); };
    host->on_closed = [this](HttpConnection* c) { Forget(c); };
    host_ = std::move(host);
  }

  int port() const { return acceptor_.local_endpoint().port(); }
  int connections() const { return count_.load(); }
  asio::io_context& context() { return *context_; }

  void Run() {
    Accept();
    context_->run();
  }

  void Stop(std::chrono::milliseconds drain) {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    retry_.cancel(ignored);
    stopping_ = true;
    for (const auto& connection : All()) connection->Finish();
    if (connections_.empty()) return;
    drain_.expires_after(drain);
    drain_.async_wait([this](const boost::system::error_code& error) {
      if (!error) CloseAll();
    });
  }

  void CloseAll() {
    for (const auto& connection : All()) connection->Close();
  }

 private:
  struct Entry {
    std::shared_ptr<HttpConnection> connection;
    std::list<HttpConnection*>::iterator place;  // in waiting_, when `waiting`
    bool waiting = false;
  };

  // Closing takes them out of connections_.
  std::vector<std::shared_ptr<HttpConnection>> All() const {
    std::vector<std::shared_ptr<HttpConnection>> all;
    all.reserve(connections_.size());
    for (const auto& [key, entry] : connections_) all.push_back(entry.connection);
    return all;
  }

  void Accept() {
    acceptor_.async_accept([this](const boost::system::error_code& error, tcp::socket socket) {
      if (stopping_) return;
      if (error) return AcceptLater();
      Add(std::move(socket));
      Accept();
    });
  }

  void AcceptLater() {
    if (CloseLongestWaiting()) return Accept();
    retry_.expires_after(kRetryAccept);
    retry_.async_wait([this](const boost::system::error_code& error) {
      if (!error) Accept();
    });
  }

  void Add(tcp::socket socket) {
    if (connections_.size() >= static_cast<size_t>(options_.max_connections)) CloseLongestWaiting();
    boost::system::error_code error;
    const tcp::endpoint peer = socket.remote_endpoint(error);
    if (error || connections_.size() >= static_cast<size_t>(options_.max_connections)) return;
    const auto connection = std::make_shared<HttpConnection>(host_, TransportOf(std::move(socket)),
                                                             peer.address().to_string());
    connections_[connection.get()] = {connection, {}, false};
    count_ = static_cast<int>(connections_.size());
    SetWaiting(connection.get(), true);
    connection->Start();
  }

  std::unique_ptr<Transport> TransportOf(tcp::socket socket) {
    const std::lock_guard lock(tls_mutex_);
    return tls_ ? MakeTlsTransport(std::move(socket), tls_) : MakeTcpTransport(std::move(socket));
  }

  void SetWaiting(HttpConnection* connection, bool waiting) {
    Entry& entry = connections_.at(connection);
    if (entry.waiting) waiting_.erase(entry.place);
    entry.waiting = waiting;
    if (waiting) entry.place = waiting_.insert(waiting_.end(), connection);
  }

  bool CloseLongestWaiting() {
    if (waiting_.empty()) return false;
    const auto connection = connections_.at(waiting_.front()).connection;  // lives through Close()
    connection->Close();
    return true;
  }

  void Forget(HttpConnection* connection) {
    SetWaiting(connection, false);
    connections_.erase(connection);
    count_ = static_cast<int>(connections_.size());
    if (stopping_ && connections_.empty()) {
      boost::system::error_code ignored;
      drain_.cancel(ignored);
    }
  }

  const HttpServerOptions options_;
  const std::shared_ptr<asio::io_context> context_ = std::make_shared<asio::io_context>(1);
  tcp::acceptor acceptor_;
  asio::steady_timer retry_, drain_;
  std::shared_ptr<const HttpConnection::Host> host_;
  std::unordered_map<HttpConnection*, Entry> connections_;
  std::list<HttpConnection*> waiting_;  // for a request, the longest first
  std::atomic<int> count_ = 0;
  bool stopping_ = false;
  std::mutex tls_mutex_;
  std::shared_ptr<asio::ssl::context> tls_;  // of new connections; null for plain text
};

HttpServer::HttpServer(const HttpServerOptions& options, HttpHandler handler)
    : core_(std::make_shared<Core>(options)) {
  core_->Listen(std::move(handler));
}

HttpServer::~HttpServer() {
  core_->CloseAll();
  // What was going on ends, and lets its connection go.
  core_->context().restart();
  core_->context().poll();
}

int HttpServer::port() const { return core_->port(); }
void HttpServer::ReloadTls() { core_->ReloadTls(); }
void HttpServer::Run() { core_->Run(); }
int HttpServer::connections() const { return core_->connections(); }

void HttpServer::Stop(std::chrono::milliseconds drain) {
  Post([core = core_.get(), drain] { core->Stop(drain); });
}

void HttpServer::Post(std::function<void()> task) {
  boost::asio::post(core_->context(), std::move(task));
}

}  // namespace tael
