#include "server/server.h"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "server/origin_check.h"
#include "server/random_id.h"
#include "server/routes.h"

namespace tael {

class Server::Core {
 public:
  Core(const ServerOptions& options, std::unique_ptr<ModelCatalogue> catalogue)
      : options_(options),
        origins_(options.host_names, options.origins),
        service_(options.service, std::move(catalogue)),
        http_(options.http,
              [this](std::shared_ptr<HttpExchange> exchange) { Handle(std::move(exchange)); }) {}

  int port() const { return http_.port(); }
  HttpServer& http() { return http_; }

  void Run() {
    std::thread loader([this] { Preload(); });
    std::thread ticker([this] { TickUntilEnd(); });
    http_.Run();
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ended_ = true;
    }
    wake_.notify_all();
    loader.join();
    ticker.join();
    if (failure_ != nullptr) std::rethrow_exception(failure_);
  }

  // What runs when the time is over gets its API's error; the sockets then close behind it.
  void Stop(std::chrono::milliseconds drain) {
    service_.Drain();
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!drain_end_) drain_end_ = Clock::now() + drain;
    wake_.notify_all();
  }

 private:
  using Clock = std::chrono::steady_clock;

  void Handle(std::shared_ptr<HttpExchange> exchange) {
    Call call;
    call.exchange = std::move(exchange);
    call.id = "req_" + RandomLetters(20);
    call.arrived = Clock::now();
    if (const auto refusal = origins_.Refusal(call.request())) return call.Refuse(*refusal);
    call.headers = origins_.HeadersFor(call.request());
    if (call.request().method == "OPTIONS") return Preflight(call);
    const bool asks_for_state = call.request().path == "/ready" || call.request().path == "/health";
    if (service_.draining() && !asks_for_state) {
      return call.Refuse(ApiError(503, "unavailable", "", "the server is going down"));
    }
    call.open = service_.OpenCall();
    Dispatch(service_, std::move(call));
  }

  static void Preflight(const Call& call) {
    HttpHeaders headers = {{"Allow", "GET, POST, DELETE, OPTIONS"}};
    if (!call.headers.empty()) {
      headers.emplace_back("Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS");
      const std::string* asked = call.request().Find("Access-Control-Request-Headers");
      if (asked != nullptr) headers.emplace_back("Access-Control-Allow-Headers", *asked);
      headers.emplace_back("Access-Control-Max-Age", "600");
    }
    call.Answer(204, std::move(headers), "");
  }

  // A server that cannot load what it is for ends.
  void Preload() {
    try {
      for (const std::string& name : options_.preload) service_.models().Preload(name);
      service_.SetStarted();
    } catch (...) {
      failure_ = std::current_exception();
      http_.Stop(std::chrono::milliseconds(0));
    }
  }

  void TickUntilEnd() {
    constexpr auto kTick = std::chrono::milliseconds(250);
    std::unique_lock<std::mutex> lock(mutex_);
    bool stopped = false;
    while (!ended_) {
      wake_.wait_for(lock, kTick);
      const bool draining = drain_end_.has_value();
      const bool over = draining && Clock::now() >= *drain_end_;
      lock.unlock();
      service_.Tick();
      if (over) service_.AbortAll(ApiError(503, "unavailable", "", "the server is going down"));
      if (draining && !stopped && (over || service_.idle())) {
        stopped = true;
        // Those that have their error still need a moment to send it.
        constexpr auto kLastBytes = std::chrono::seconds(2);
        http_.Stop(kLastBytes);
      }
      lock.lock();
    }
  }

  const ServerOptions options_;
  const OriginCheck origins_;
  Service service_;
  HttpServer http_;  // ends before the service that its handler uses
  std::exception_ptr failure_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  bool ended_ = false;
  std::optional<Clock::time_point> drain_end_;
};

Server::Server(const ServerOptions& options, std::unique_ptr<ModelCatalogue> catalogue)
    : core_(std::make_unique<Core>(options, std::move(catalogue))) {}
Server::~Server() = default;

int Server::port() const { return core_->port(); }
void Server::Run() { core_->Run(); }
void Server::Stop(std::chrono::milliseconds drain) { core_->Stop(drain); }
void Server::ReloadTls() { core_->http().ReloadTls(); }

}  // namespace tael
