#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <boost/asio/ssl/context.hpp>

#include "base/error.h"
#include "base/file.h"

namespace tael {
namespace {

namespace ssl = boost::asio::ssl;

// An encrypted key has no passphrase here; OpenSSL would ask on the terminal.
int NoPassphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) { return -1; }

// The protocols that a client may choose from: length, name.
constexpr unsigned char kProtocols[] = "\x08http/1.1";

int ChooseProtocol(SSL* /*stream*/, const unsigned char** out, unsigned char* out_size,
                   const unsigned char* in, unsigned int in_size, void* /*user*/) {
  unsigned char* chosen = nullptr;
  const int found =
      SSL_select_next_proto(&chosen, out_size, kProtocols, sizeof(kProtocols) - 1, in, in_size);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

void RequireFile(const std::string& path) {
  if (FileExists(path)) return;
  Fail(ErrorCode::kNotFound, "{}: no such file, needed PEM for TLS", path);
}

void RequireValid(SSL_CTX* context, const std::string& path) {
  const X509* certificate = SSL_CTX_get0_certificate(context);
  if (X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0) return;
  Fail(ErrorCode::kCorrupt, "{}: the certificate has expired. Hint: renew it, then reload", path);
}

}  // namespace

std::shared_ptr<ssl::context> LoadTls(const TlsFiles& files) {
  RequireFile(files.certificate);
  RequireFile(files.key);
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX* native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  // Silent clients keep no buffers.
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_default_passwd_cb(native, NoPassphrase);
  SSL_CTX_set_alpn_select_cb(native, ChooseProtocol, nullptr);
  boost::system::error_code error;
  context->use_certificate_chain_file(files.certificate, error);
  if (error) {
    Fail(ErrorCode::kCorrupt, "{}: no certificate in PEM form: {}", files.certificate,
         error.message());
  }
  RequireValid(native, files.certificate);
  context->use_private_key_file(files.key, ssl::context::pem, error);
  if (error) {
    Fail(ErrorCode::kCorrupt, "{}: no key in PEM form without passphrase that belongs to {}: {}",
         files.key, files.certificate, error.message());
  }
  return context;
}

}  // namespace tael
