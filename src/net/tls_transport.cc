#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <utility>

#include "net/transport.h"

namespace tael {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;

class TlsTransport : public Transport {
 public:
  TlsTransport(asio::ip::tcp::socket socket, std::shared_ptr<ssl::context> context)
      : state_(std::make_shared<State>(std::move(socket), std::move(context))) {
    boost::system::error_code ignored;  // only latency would suffer
    state_->stream.next_layer().set_option(asio::ip::tcp::no_delay(true), ignored);
  }

  void Read(OnRead done) override {
    if (state_->ready) return ReadSome(state_, std::move(done));
    state_->stream.async_handshake(
        ssl::stream_base::server,
        [state = state_, done = std::move(done)](boost::system::error_code error) {
          if (error) return done(error, {});
          state->ready = true;
          ReadSome(state, done);
        });
  }

  void Write(std::string_view bytes, OnWritten done) override {
    state_->stream.async_write_some(asio::buffer(bytes.data(), bytes.size()),
                                    [state = state_, done = std::move(done)](
                                        const auto& error, size_t size) { done(error, size); });
  }

  void ShutDown() override {
    if (!state_->ready) return;
    // The connection's deadline ends it when the client says nothing.
    state_->stream.async_shutdown([state = state_](const boost::system::error_code& /*any*/) {});
  }

  void Close() override {
    boost::system::error_code ignored;
    state_->stream.next_layer().close(ignored);
  }

 private:
  // Operations that go on when the transport is gone keep it.
  struct State {
    State(asio::ip::tcp::socket socket, std::shared_ptr<ssl::context> from)
        : context(std::move(from)), stream(std::move(socket), *context) {}
    std::shared_ptr<ssl::context> context;
    ssl::stream<asio::ip::tcp::socket> stream;
    bool ready = false;                           // the handshake is over
    std::array<char, size_t{16} << 10> buffer{};  // of one record
  };

  static void ReadSome(const std::shared_ptr<State>& state, OnRead done) {
    state->stream.async_read_some(
        asio::buffer(state->buffer),
        [state, done = std::move(done)](const boost::system::error_code& error, size_t size) {
          done(error, {state->buffer.data(), size});
        });
  }

  std::shared_ptr<State> state_;
};

}  // namespace

std::unique_ptr<Transport> MakeTlsTransport(asio::ip::tcp::socket socket,
                                            std::shared_ptr<ssl::context> context) {
  return std::make_unique<TlsTransport>(std::move(socket), std::move(context));
}

}  // namespace tael
