#include "net/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "net/http_server.h"
#include "tests/support/temporary_folder.h"

namespace tael {
namespace {

namespace asio = boost::asio;
using testing::EndsWith;
using testing::HasSubstr;

std::string Text(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<size_t>(size));
  BIO_free(bio);
  return text;
}

// A certificate of its own, valid until `seconds` from now.
TlsFiles MakeCertificate(const TemporaryFolder& folder, const std::string& name, long seconds) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -100'000);
  X509_gmtime_adj(X509_getm_notAfter(certificate), seconds);
  X509_set_pubkey(certificate, key);
  X509_NAME* subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate, subject);
  X509_sign(certificate, key, EVP_sha256());
  BIO* certificate_text = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(certificate_text, certificate);
  BIO* key_text = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(key_text, key, nullptr, nullptr, 0, nullptr, nullptr);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return {folder.Write(name + ".crt", Text(certificate_text)),
          folder.Write(name + ".key", Text(key_text))};
}

struct Answer {
  std::string text, subject;
};

// One request over TLS, to the end of the connection. What the server does not want to read is not
// sent to its end.
Answer Ask(int port, const std::string& request) {
  asio::io_context io;
  asio::ssl::context context(asio::ssl::context::tls_client);
  asio::ssl::stream<asio::ip::tcp::socket> stream(io, context);
  stream.next_layer().connect({asio::ip::make_address("127.0.0.1"), static_cast<uint16_t>(port)});
  stream.handshake(asio::ssl::stream_base::client);
  Answer answer;
  X509* certificate = SSL_get1_peer_certificate(stream.native_handle());
  char name[100] = "";
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name, sizeof(name));
  X509_free(certificate);
  answer.subject = name;
  boost::system::error_code error;
  asio::write(stream, asio::buffer(request), error);
  error = {};
  std::array<char, 4096> buffer{};
  while (!error) {
    const size_t size = stream.read_some(asio::buffer(buffer), error);
    answer.text.append(buffer.data(), size);
  }
  // The end was said, so nobody cut the answer.
  EXPECT_EQ(error, asio::error::eof);
  return answer;
}

TEST(Tls, RequestsAreServedAndCertificatesReplacedWhileRunning) {
  const TemporaryFolder folder;
  const TlsFiles first = MakeCertificate(folder, "first", 1000);
  HttpServerOptions options;
  options.tls = first;
  HttpServer server(options, [](const std::shared_ptr<HttpExchange>& exchange) {
    exchange->Begin(200, {});
    for (int i = 0; i < 100; ++i) exchange->Write(std::string(10'000, 'x'));
    exchange->Write(exchange->request().body);
    exchange->End();
  });
  std::thread thread([&] { server.Run(); });
  const std::string request =
      "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello";
  Answer answer = Ask(server.port(), request);
  EXPECT_EQ(answer.subject, "first");
  EXPECT_THAT(answer.text, EndsWith("5\r\nhello\r\n0\r\n\r\n"));
  EXPECT_GT(answer.text.size(), 1'000'000u);

  const TlsFiles second = MakeCertificate(folder, "second", 1000);
  folder.Write("first.crt", ReadFile(second.certificate));
  EXPECT_THROW(server.ReloadTls(), Error);  // the key is still that of the first
  EXPECT_EQ(Ask(server.port(), request).subject, "first");
  folder.Write("first.key", ReadFile(second.key));
  server.ReloadTls();
  EXPECT_EQ(Ask(server.port(), request).subject, "second");
  server.Stop(std::chrono::seconds(0));
  thread.join();
}

TEST(Tls, ARefusalReachesAClientThatIsStillSending) {
  const TemporaryFolder folder;
  HttpServerOptions options;
  options.tls = MakeCertificate(folder, "a", 1000);
  options.sizes.body_bytes = 1000;
  HttpServer server(options,
                    [](const std::shared_ptr<HttpExchange>& exchange) { exchange->Respond({}); });
  std::thread thread([&] { server.Run(); });
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n";
  EXPECT_THAT(Ask(server.port(), head + std::string(2'000'000, 'x')).text,
              testing::StartsWith("HTTP/1.1 413 "));
  server.Stop(std::chrono::seconds(0));
  thread.join();
}

TEST(Tls, FilesThatCannotBeUsedAreNamed) {
  const TemporaryFolder folder;
  const TlsFiles good = MakeCertificate(folder, "good", 1000);
  const TlsFiles other = MakeCertificate(folder, "other", 1000);
  const TlsFiles expired = MakeCertificate(folder, "expired", -1000);
  const std::string junk = folder.Write("junk", "no PEM");
  const std::string missing = good.key + ".missing";
  for (const auto& [files, word] : std::vector<std::pair<TlsFiles, std::string>>{
           {{good.certificate, missing}, "missing: no such file"},
           {{junk, good.key}, "junk: no certificate"},
           {{good.certificate, junk}, "junk: no key"},
           {{good.certificate, other.key}, "belongs to " + good.certificate},
           {expired, "has expired"}}) {
    try {
      LoadTls(files);
      FAIL() << word;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(word));
    }
  }
  LoadTls(good);
}

}  // namespace
}  // namespace tael
