#include "server/tls_context.hpp"

#include <openssl/ssl.h>

#include <string_view>

namespace rwp::server {
namespace {

namespace ssl = boost::asio::ssl;

/// Picks "http/1.1" from what the client offers; a client that wants none of it is refused.
int select_protocol(SSL* /*connection*/, const unsigned char** out, unsigned char* out_size,
                    const unsigned char* offered, unsigned offered_size, void* /*argument*/) {
  constexpr std::string_view kWanted = "http/1.1";
  for (unsigned at = 0; at < offered_size; at += 1U + offered[at]) {
    const std::string_view name(reinterpret_cast<const char*>(offered + at + 1), offered[at]);
    if (at + 1U + offered[at] <= offered_size && name == kWanted) {
      *out = offered + at + 1;
      *out_size = offered[at];
      return SSL_TLSEXT_ERR_OK;
    }
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

Error bad_file(const std::string& what, const std::string& file,
               const boost::system::error_code& problem) {
  return Error(Errc::invalid_argument, what + " " + file + ": " + problem.message());
}

}  // namespace

Result<std::shared_ptr<ssl::context>> make_tls_context(const std::string& certificate_file,
                                                       const std::string& key_file) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  SSL_CTX_set_options(context->native_handle(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                                    SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context->native_handle(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(context->native_handle(), &select_protocol, nullptr);
  boost::system::error_code problem;
  context->use_certificate_chain_file(certificate_file, problem);
  if (problem) return bad_file("TLS certificate", certificate_file, problem);
  context->use_private_key_file(key_file, ssl::context::pem, problem);
  if (problem) return bad_file("TLS key", key_file, problem);
  if (SSL_CTX_check_private_key(context->native_handle()) != 1) {
    return Error(Errc::invalid_argument,
                 "TLS key " + key_file + " is not that of certificate " + certificate_file);
  }
  return context;
}

}  // namespace rwp::server
