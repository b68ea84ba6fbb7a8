#include "support/tls_client.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <arpa/inet.h>
#include <array>
#include <cstdio>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace rwp::tests {
namespace {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* thing) const {
    Free(thing);  // NOLINT(cppcoreguidelines-owning-memory): this is the owner.
  }
};

void write_file(const std::string& path, const auto& write) {
  const std::unique_ptr<std::FILE, Deleter<&std::fclose>> file(std::fopen(path.c_str(), "w"));
  if (!file || write(file.get()) != 1) throw std::runtime_error("cannot write " + path);
}

const unsigned char* bytes_of(const char* text) {
  return reinterpret_cast<const unsigned char*>(text);
}

}  // namespace

TestCertificate::TestCertificate(const std::filesystem::path& directory)
    : certificate_file(directory / "certificate.pem"), key_file(directory / "key.pem") {
  const std::unique_ptr<EVP_PKEY, Deleter<&EVP_PKEY_free>> key(EVP_EC_gen("P-256"));
  const std::unique_ptr<X509, Deleter<&X509_free>> certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_NAME* name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, bytes_of("localhost"), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  X509_set_pubkey(certificate.get(), key.get());
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  write_file(certificate_file,
             [&](std::FILE* file) { return PEM_write_X509(file, certificate.get()); });
  write_file(key_file, [&](std::FILE* file) {
    return PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
}

struct TlsClient::Impl {
  int socket = -1;
  std::unique_ptr<SSL_CTX, Deleter<&SSL_CTX_free>> context{SSL_CTX_new(TLS_client_method())};
  std::unique_ptr<SSL, Deleter<&SSL_free>> tls{};
};

TlsClient::TlsClient(std::uint16_t port, const TlsClientOptions& options)
    : impl_(std::make_unique<Impl>()) {
  SSL_CTX* context = impl_->context.get();
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_load_verify_locations(context, options.trusted_file.c_str(), nullptr);
  // Old versions only at level 0, which a client must ask for.
  SSL_CTX_set_security_level(context, options.latest_version == "1.1" ? 0 : 1);
  if (options.latest_version == "1.1") SSL_CTX_set_max_proto_version(context, TLS1_1_VERSION);
  if (options.latest_version == "1.2") SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
  impl_->socket = ::socket(AF_INET, SOCK_STREAM, 0);
  const timeval patience{20, 0};
  ::setsockopt(impl_->socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(impl_->socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) return;
  impl_->tls.reset(SSL_new(context));
  SSL_set_fd(impl_->tls.get(), impl_->socket);
  if (!options.protocol.empty()) {
    std::string offer(1, static_cast<char>(options.protocol.size()));
    offer += options.protocol;
    SSL_set_alpn_protos(impl_->tls.get(), bytes_of(offer.data()),
                        static_cast<unsigned>(offer.size()));
  }
  connected_ = SSL_connect(impl_->tls.get()) == 1;
}

TlsClient::~TlsClient() { ::close(impl_->socket); }

std::string TlsClient::version() const { return SSL_get_version(impl_->tls.get()); }

std::string TlsClient::protocol() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(impl_->tls.get(), &name, &size);
  return std::string(reinterpret_cast<const char*>(name), size);
}

bool TlsClient::send(std::string_view bytes) {
  return SSL_write(impl_->tls.get(), bytes.data(), static_cast<int>(bytes.size())) ==
         static_cast<int>(bytes.size());
}

std::string TlsClient::read_some() {
  std::array<char, 16384> piece{};
  const int got = SSL_read(impl_->tls.get(), piece.data(), static_cast<int>(piece.size()));
  return got > 0 ? std::string(piece.data(), static_cast<std::size_t>(got)) : std::string();
}

std::string TlsClient::read_to_end(bool* cleanly) {
  std::string all;
  for (std::string piece = read_some(); !piece.empty(); piece = read_some()) all += piece;
  if (cleanly != nullptr) {
    *cleanly = (SSL_get_shutdown(impl_->tls.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
  }
  return all;
}

}  // namespace rwp::tests
