// The certificate of a server.
#pragma once

#include <memory>
#include <string>

namespace boost::asio::ssl {
class context;
}

namespace tael {

struct TlsFiles {
  std::string certificate;  // PEM: the server's own, then those that lead to a root
  std::string key;          // PEM, not encrypted
};

// TLS 1.2 and 1.3, HTTP/1.1. Throws kNotFound, kCorrupt (no PEM, encrypted, a key of another
// certificate, expired), each with the file.
std::shared_ptr<boost::asio::ssl::context> LoadTls(const TlsFiles& files);

}  // namespace tael
