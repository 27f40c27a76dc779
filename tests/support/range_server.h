// An HTTP server on the loopback interface that gives one body, whole or in ranges, to many.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tael {

class RangeServer {
 public:
  // `edit` may change the answer to the request of that number (from 0): its body's bytes, where to
  // cut it (npos = not).
  struct Answer {
    std::string body;
    size_t cut = std::string::npos;
  };
  using Edit = std::function<void(int request, Answer& answer)>;

  explicit RangeServer(std::string body, Edit edit = {})
      : body_(std::move(body)), edit_(std::move(edit)), listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), length) != 0 ||
        listen(listener_, 64) != 0 ||
        getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
      std::abort();
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Accept(); });
  }
  ~RangeServer() {
    ended_ = true;
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
    for (std::thread& thread : threads_) thread.join();
  }
  RangeServer(const RangeServer&) = delete;
  RangeServer& operator=(const RangeServer&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/file"; }
  int requests() const { return requests_; }

 private:
  void Accept() {
    while (!ended_) {
      const int connection = accept(listener_, nullptr, nullptr);
      if (connection >= 0) threads_.emplace_back([this, connection] { Serve(connection); });
    }
  }

  // One request, then the connection ends: what a client must be ready for.
  void Serve(int connection) {
    std::string head;
    char buffer[4096];
    while (head.find("\r\n\r\n") == std::string::npos) {
      const ssize_t got = recv(connection, buffer, sizeof(buffer), 0);
      if (got <= 0) break;
      head.append(buffer, static_cast<size_t>(got));
    }
    size_t first = 0, last = body_.size() - 1;
    const size_t range = head.find("Range: bytes=");
    if (range != std::string::npos) {
      size_t used = 0;
      first = std::stoull(head.substr(range + 13), &used);
      last = std::min<size_t>(last, std::stoull(head.substr(range + 13 + used + 1)));
    }
    Answer answer{.body = body_.substr(first, last - first + 1)};
    if (edit_) edit_(requests_++, answer);
    std::string out = "HTTP/1.1 206 Partial Content\r\nConnection: close\r\nContent-Range: bytes " +
                      std::to_string(first) + "-" + std::to_string(last) + "/" +
                      std::to_string(body_.size()) +
                      "\r\nContent-Length: " + std::to_string(last - first + 1) + "\r\n\r\n";
    out += answer.body.substr(0, answer.cut);
    for (size_t sent = 0; sent < out.size();) {
      const ssize_t wrote = send(connection, out.data() + sent, out.size() - sent, MSG_NOSIGNAL);
      if (wrote <= 0) break;
      sent += static_cast<size_t>(wrote);
    }
    close(connection);
  }

  std::string body_;
  Edit edit_;
  int listener_ = -1, port_ = 0;
  std::atomic<bool> ended_{false};
  std::atomic<int> requests_{0};
  std::vector<std::thread> threads_;
  std::thread thread_;
};

}  // namespace tael
