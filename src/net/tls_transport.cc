// OpenSSL on a socket that does not block. Asio's own stream keeps four buffers per client, and its
// shutdown ends reading, which would reset connections whose client is still sending.
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <cerrno>
#include <utility>

#include "base/error.h"
#include "net/socket_transport.h"

namespace tael {
namespace {

namespace asio = boost::asio;

int SocketOf(BIO* bio) { return static_cast<int>(reinterpret_cast<intptr_t>(BIO_get_data(bio))); }

// What send() and recv() return, as a BIO has it.
int BioResult(BIO* bio, ssize_t count) {
  BIO_clear_retry_flags(bio);
  return static_cast<int>(count);
}

// Without the signal that OpenSSL's own would get for a client that is gone.
int WriteSocket(BIO* bio, const char* data, int size) {
  const ssize_t count = send(SocketOf(bio), data, static_cast<size_t>(size), MSG_NOSIGNAL);
  const int result = BioResult(bio, count);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return result;
}

int ReadSocket(BIO* bio, char* data, int size) {
  const ssize_t count = recv(SocketOf(bio), data, static_cast<size_t>(size), 0);
  const int result = BioResult(bio, count);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  return result;
}

long ControlSocket(BIO* /*bio*/, int command, long /*number*/, void* /*pointer*/) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;  // nothing is kept
}

const BIO_METHOD* SocketMethod() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    TAEL_CHECK(made != nullptr);
    BIO_meth_set_write(made, WriteSocket);
    BIO_meth_set_read(made, ReadSocket);
    BIO_meth_set_ctrl(made, ControlSocket);
    return made;
  }();
  return method;
}

// Callbacks keep `this`: theirs keep the connection that owns the transport.
class TlsTransport : public SocketTransport {
 public:
  TlsTransport(asio::ip::tcp::socket socket, const std::shared_ptr<asio::ssl::context>& context)
      : SocketTransport(std::move(socket)), ssl_(SSL_new(context->native_handle())) {
    if (ssl_ == nullptr) throw std::bad_alloc();
    BIO* bio = BIO_new(SocketMethod());
    if (bio == nullptr) throw std::bad_alloc();
    const auto handle = static_cast<intptr_t>(this->socket().native_handle());
    BIO_set_data(bio, reinterpret_cast<void*>(handle));
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_accept_state(ssl_.get());
    SSL_set_mode(ssl_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  }

  // Bytes may wait in the record that was read last, so the stream is asked before the socket. The
  // handshake happens on the way.
  void Read(OnRead done) override {
    if (said_) return ReadPlain(std::move(done));
    asio::post(socket().get_executor(),
               [this, done = std::move(done)]() mutable { TryRead(std::move(done)); });
  }

  void Write(std::string_view bytes, OnWritten done) override {
    asio::post(socket().get_executor(), [this, bytes, done = std::move(done)]() mutable {
      TryWrite(bytes, std::move(done));
    });
  }

  // Says the end once. What the client still sends is then read as it is, for nobody.
  void ShutDown() override {
    ERR_clear_error();
    if (SSL_is_init_finished(ssl_.get()) != 0) SSL_shutdown(ssl_.get());
    said_ = true;
    SocketTransport::ShutDown();
  }

 private:
  struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  // Calls `again` when what SSL_read() or SSL_write() waited for is there, or `done` with why not.
  template <typename Again, typename Done>
  void Wait(int result, Again again, const Done& done) {
    const int why = SSL_get_error(ssl_.get(), result);
    const bool writes = why == SSL_ERROR_WANT_WRITE;
    if (!writes && why != SSL_ERROR_WANT_READ) {
      return done(why == SSL_ERROR_ZERO_RETURN
                      ? boost::system::error_code(asio::error::eof)
                      : boost::system::error_code(asio::ssl::error::stream_truncated));
    }
    socket().async_wait(
        writes ? asio::socket_base::wait_write : asio::socket_base::wait_read,
        [again = std::move(again), done](const boost::system::error_code& error) mutable {
          error ? done(error) : again();
        });
  }

  void TryRead(OnRead done) {
    if (!socket().is_open()) return done(asio::error::operation_aborted, {});
    if (said_) return ReadPlain(std::move(done));
    std::vector<char>& buffer = Scratch();
    ERR_clear_error();
    const int size = SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()));
    if (size > 0) return done({}, {buffer.data(), static_cast<size_t>(size)});
    Wait(
        size, [this, done]() mutable { TryRead(std::move(done)); },
        [done](const boost::system::error_code& error) { done(error, {}); });
  }

  void TryWrite(std::string_view bytes, OnWritten done) {
    if (!socket().is_open()) return done(asio::error::operation_aborted, 0);
    constexpr size_t kAtOnce = size_t{1} << 20;
    ERR_clear_error();
    const int size =
        SSL_write(ssl_.get(), bytes.data(), static_cast<int>(std::min(bytes.size(), kAtOnce)));
    if (size > 0) return done({}, static_cast<size_t>(size));
    Wait(
        size, [this, bytes, done]() mutable { TryWrite(bytes, std::move(done)); },
        [done](const boost::system::error_code& error) { done(error, 0); });
  }

  const std::unique_ptr<SSL, FreeSsl> ssl_;  // keeps the context
  bool said_ = false;                        // that nothing more will be written
};

}  // namespace

std::unique_ptr<Transport> MakeTlsTransport(asio::ip::tcp::socket socket,
                                            const std::shared_ptr<asio::ssl::context>& context) {
  return std::make_unique<TlsTransport>(std::move(socket), context);
}

}  // namespace tael
