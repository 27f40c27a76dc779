#include "net/transport.h"

#include "net/socket_transport.h"

namespace tael {
namespace {

class TcpTransport : public SocketTransport {
 public:
  using SocketTransport::SocketTransport;

  void Read(OnRead done) override { ReadPlain(std::move(done)); }

  void Write(std::string_view bytes, OnWritten done) override {
    socket().async_write_some(boost::asio::buffer(bytes.data(), bytes.size()), std::move(done));
  }
};

}  // namespace

std::unique_ptr<Transport> MakeTcpTransport(boost::asio::ip::tcp::socket socket) {
  return std::make_unique<TcpTransport>(std::move(socket));
}

}  // namespace tael
