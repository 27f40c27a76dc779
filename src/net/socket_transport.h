// What transports over a TCP socket share.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <utility>
#include <vector>

#include "net/transport.h"

namespace tael {

class SocketTransport : public Transport {
 public:
  explicit SocketTransport(boost::asio::ip::tcp::socket socket) : socket_(std::move(socket)) {
    boost::system::error_code ignored;  // only latency would suffer
    socket_.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
    socket_.non_blocking(true, ignored);
    NoticeLostHosts();
    // What a client does not take waits here, where it is counted, not in the system's buffers.
    SetTcpOption(TCP_NOTSENT_LOWAT, 128 << 10);
  }

  void ShutDown() override {
    boost::system::error_code ignored;  // the client may be gone already
    socket_.shutdown(boost::asio::socket_base::shutdown_send, ignored);
  }

  void Close() override {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

 protected:
  boost::asio::ip::tcp::socket& socket() { return socket_; }

  // All connections of a thread read into the same buffer, one after another.
  static std::vector<char>& Scratch() {
    static thread_local std::vector<char> buffer(size_t{64} << 10);
    return buffer;
  }

  // Waits for bytes and takes them as they are on the wire. Waiting needs no buffer of its own:
  // many silent clients cost little memory.
  void ReadPlain(OnRead done) {
    socket_.async_wait(boost::asio::socket_base::wait_read,
                       [this, done = std::move(done)](boost::system::error_code error) mutable {
                         if (error) return done(error, {});
                         std::vector<char>& buffer = Scratch();
                         const size_t size = socket_.read_some(boost::asio::buffer(buffer), error);
                         if (error == boost::asio::error::would_block) {
                           return ReadPlain(std::move(done));
                         }
                         done(error, {buffer.data(), size});
                       });
  }

 private:
  // A client whose machine or network went without a word is noticed after about two minutes when
  // nothing is sent, and after half a minute when something is.
  void NoticeLostHosts() {
    boost::system::error_code ignored;  // it would be noticed later
    socket_.set_option(boost::asio::socket_base::keep_alive(true), ignored);
    SetTcpOption(TCP_KEEPIDLE, 60);
    SetTcpOption(TCP_KEEPINTVL, 15);
    SetTcpOption(TCP_KEEPCNT, 4);
    SetTcpOption(TCP_USER_TIMEOUT, 30'000);  // milliseconds
  }

  void SetTcpOption(int name, int value) {
    setsockopt(socket_.native_handle(), IPPROTO_TCP, name, &value, sizeof(value));
  }

  boost::asio::ip::tcp::socket socket_;
};

}  // namespace tael
