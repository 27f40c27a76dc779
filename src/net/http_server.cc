#include "net/http_server.h"

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <mutex>

#include "base/error.h"
#include "net/connection_table.h"
#include "net/file_limit.h"
#include "net/http_connection.h"

namespace tael {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

// When the process has no more file descriptors, or all connections are being answered.
constexpr std::chrono::milliseconds kRetryAccept{100};

// One address that connections come to.
struct Listener {
  explicit Listener(asio::io_context& context) : acceptor(context), retry(context) {}
  tcp::acceptor acceptor;
  asio::steady_timer retry;
};

bool LacksResources(const boost::system::error_code& error) {
  return error == asio::error::no_descriptors || error == asio::error::no_memory ||
         error == asio::error::no_buffer_space ||
         error == boost::system::errc::too_many_files_open_in_system;
}

}  // namespace

class HttpServer::Core : public std::enable_shared_from_this<HttpServer::Core> {
 public:
  explicit Core(const HttpServerOptions& options)
      : options_(options),
        fit_(FitConnections(options.max_connections, RaiseFileLimit())),
        drain_(*context_) {}

  void ReloadTls() {
    if (!options_.tls) return;
    auto loaded = LoadTls(*options_.tls);
    const std::lock_guard lock(tls_mutex_);
    tls_ = std::move(loaded);
  }

  void Listen(HttpHandler handler) {
    ReloadTls();
    if (options_.port < 0 || options_.port > 65535) {
      Fail(ErrorCode::kInvalidArgument, "port {}: needed 0 to 65535", options_.port);
    }
    ListenAt(options_.address, options_.port);
    for (const std::string& address : options_.more_addresses) ListenAt(address, port());
    auto host = std::make_shared<HttpConnection::Host>();
    host->context = context_;
    host->options = options_;
    host->handler = std::move(handler);
    host->requests = std::make_shared<ByteBudget>(options_.all_request_bytes);
    host->unsent = std::make_shared<ByteBudget>(options_.all_unsent_bytes);
    // Connections do not outlive Close(), which the server's end calls.
    host->on_rank = [this](HttpConnection* c, ConnectionRank rank) { table_.SetRank(c, rank); };
    host->on_closed = [this](HttpConnection* c) { Forget(c); };
    host->make_room = [this](const HttpConnection* c) { return MakeRoom(c); };
    host_ = std::move(host);
  }

  int port() const { return port_; }
  const ConnectionFit& fit() const { return fit_; }
  int connections() const { return count_.load(); }
  asio::io_context& context() { return *context_; }

  void Run() {
    for (Listener& listener : listeners_) Accept(listener);
    context_->run();
  }

  void Stop(std::chrono::milliseconds drain) {
    boost::system::error_code ignored;
    for (Listener& listener : listeners_) {
      listener.acceptor.close(ignored);
      listener.retry.cancel(ignored);
    }
    stopping_ = true;
    for (const auto& connection : table_.All()) connection->Finish();
    if (table_.size() == 0) return;
    drain_.expires_after(drain);
    drain_.async_wait([this](const boost::system::error_code& error) {
      if (!error) CloseAll();
    });
  }

  void CloseAll() {
    for (const auto& connection : table_.All()) connection->Close();
  }

 private:
  void ListenAt(const std::string& text, int port) {
    boost::system::error_code error;
    const asio::ip::address address = asio::ip::make_address(text, error);
    if (error) {
      Fail(ErrorCode::kInvalidArgument, "address '{}': needed one of IPv4 or IPv6. Hint: 127.0.0.1",
           text);
    }
    const tcp::endpoint endpoint(address, static_cast<unsigned short>(port));
    tcp::acceptor& acceptor = listeners_.emplace_back(*context_).acceptor;
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    // Else "::" would take the port of "0.0.0.0" too.
    const bool alone = options_.more_addresses.empty();
    if (!error && address.is_v6() && !alone) acceptor.set_option(asio::ip::v6_only(true), error);
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (!error) acceptor.non_blocking(true, error);
    if (error) {
      Fail(ErrorCode::kUnavailable, "{} port {}: {}. Hint: choose another port", text, port,
           error.message());
    }
    port_ = acceptor.local_endpoint().port();
  }

  // Waits before it accepts: without descriptors the system reports that even when nobody comes.
  void Accept(Listener& listener) {
    listener.acceptor.async_wait(asio::socket_base::wait_read,
                                 [this, &listener](boost::system::error_code error) {
                                   if (stopping_) return;
                                   tcp::socket socket(*context_);
                                   if (!error) listener.acceptor.accept(socket, error);
                                   if (!error) Add(std::move(socket));
                                   OnAccepted(listener, error);
                                 });
  }

  // Without room, one that waits is closed for the new one; when all are being answered, new ones
  // wait in the system's queue, and it is asked again after a while.
  void OnAccepted(Listener& listener, const boost::system::error_code& error) {
    const bool gone = error == asio::error::would_block || error == asio::error::try_again ||
                      error == asio::error::interrupted || error == asio::error::connection_aborted;
    if (!error || gone || (LacksResources(error) && CloseVictim())) return Accept(listener);
    AcceptLater(listener);
  }

  void AcceptLater(Listener& listener) {
    listener.retry.expires_after(kRetryAccept);
    listener.retry.async_wait([this, &listener](const boost::system::error_code& error) {
      if (!error && !stopping_) Accept(listener);
    });
  }

  void Add(tcp::socket socket) {
    const auto most = static_cast<size_t>(fit_.connections);
    if (table_.size() >= most) CloseVictim();
    boost::system::error_code error;
    const tcp::endpoint peer = socket.remote_endpoint(error);
    if (error) return;
    if (table_.size() >= most) return SayBusy(socket);
    const auto connection = std::make_shared<HttpConnection>(host_, TransportOf(std::move(socket)),
                                                             peer.address().to_string());
    table_.Add(connection);
    count_ = static_cast<int>(table_.size());
    connection->Start();
  }

  // To one client too many, as well as can be done without waiting.
  void SayBusy(tcp::socket& socket) {
    static constexpr std::string_view kBusy =
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n"
        "Connection: close\r\n\r\n";
    if (options_.tls) return;
    boost::system::error_code ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(asio::buffer(kBusy.data(), kBusy.size()), ignored);
    socket.shutdown(asio::socket_base::shutdown_send, ignored);
  }

  std::unique_ptr<Transport> TransportOf(tcp::socket socket) {
    const std::lock_guard lock(tls_mutex_);
    return tls_ ? MakeTlsTransport(std::move(socket), tls_) : MakeTcpTransport(std::move(socket));
  }

  bool CloseVictim() {
    const auto victim = table_.Victim();
    if (victim) victim->Close();
    return victim != nullptr;
  }

  bool MakeRoom(const HttpConnection* asking) {
    const auto victim = table_.Slowest();
    if (victim == nullptr || victim.get() == asking) return false;
    victim->Shed();
    return true;
  }

  void Forget(HttpConnection* connection) {
    table_.Erase(connection);
    count_ = static_cast<int>(table_.size());
    if (stopping_ && table_.size() == 0) {
      boost::system::error_code ignored;
      drain_.cancel(ignored);
    }
  }

  const HttpServerOptions options_;
  const std::shared_ptr<asio::io_context> context_ = std::make_shared<asio::io_context>(1);
  const ConnectionFit fit_;
  std::list<Listener> listeners_;
  int port_ = 0;
  asio::steady_timer drain_;
  std::shared_ptr<const HttpConnection::Host> host_;
  ConnectionTable table_;
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
int HttpServer::max_connections() const { return core_->fit().connections; }
const std::string& HttpServer::notice() const { return core_->fit().notice; }
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
