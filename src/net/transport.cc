#include "net/transport.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <utility>
#include <vector>

namespace tael {
namespace {

namespace asio = boost::asio;

class TcpTransport : public Transport {
 public:
  explicit TcpTransport(asio::ip::tcp::socket socket) : socket_(std::move(socket)) {
    boost::system::error_code ignored;  // only latency would suffer
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    socket_.non_blocking(true, ignored);
  }

  void Read(OnRead done) override {
    socket_.async_wait(asio::socket_base::wait_read,
                       [this, done = std::move(done)](boost::system::error_code error) {
                         if (error) return done(error, {});
                         std::vector<char>& buffer = Scratch();
                         const size_t size = socket_.read_some(asio::buffer(buffer), error);
                         if (error == asio::error::would_block) return Read(done);
                         done(error, {buffer.data(), size});
                       });
  }

  void Write(std::string_view bytes, OnWritten done) override {
    socket_.async_write_some(asio::buffer(bytes.data(), bytes.size()), std::move(done));
  }

  void ShutDown() override {
    boost::system::error_code ignored;  // the client may be gone already
    socket_.shutdown(asio::socket_base::shutdown_send, ignored);
  }

  void Close() override {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

 private:
  // All connections of a thread read into the same buffer, one after another.
  static std::vector<char>& Scratch() {
    static thread_local std::vector<char> buffer(size_t{64} << 10);
    return buffer;
  }

  asio::ip::tcp::socket socket_;
};

}  // namespace

std::unique_ptr<Transport> MakeTcpTransport(asio::ip::tcp::socket socket) {
  return std::make_unique<TcpTransport>(std::move(socket));
}

}  // namespace tael
