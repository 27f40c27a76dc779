// Bytes to and from one client. Used on the thread of the sockets only.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace boost::asio::ssl {
class context;
}

namespace tael {

class Transport {
 public:
  // Errors: end of the stream, reset, cancelled. The bytes are lent for the call.
  using OnRead = std::function<void(const boost::system::error_code&, std::string_view bytes)>;
  using OnWritten = std::function<void(const boost::system::error_code&, size_t bytes)>;

  virtual ~Transport() = default;
  // One reading and one writing at a time. A writing may take a part of the bytes, which must live
  // until then.
  virtual void Read(OnRead done) = 0;
  virtual void Write(std::string_view bytes, OnWritten done) = 0;
  // Nothing more will be written; the client may still send.
  virtual void ShutDown() = 0;
  // Ends what is going on with an error.
  virtual void Close() = 0;
};

// Plain TCP. Waits without a buffer of its own: many silent clients cost little memory.
std::unique_ptr<Transport> MakeTcpTransport(boost::asio::ip::tcp::socket socket);
// The same under TLS; the handshake is part of the first Read().
std::unique_ptr<Transport> MakeTlsTransport(
    boost::asio::ip::tcp::socket socket, const std::shared_ptr<boost::asio::ssl::context>& context);

}  // namespace tael
