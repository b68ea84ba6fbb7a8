#pragma once

#include <rwp/core/error.hpp>

#include <boost/asio/ssl/context.hpp>

#include <memory>
#include <string>

namespace rwp::server {

/// A server's TLS, 1.2 and later, HTTP/1.1 by ALPN. `Errc::invalid_argument`: a file cannot be
/// read, is no PEM, or the key is not the certificate's.
Result<std::shared_ptr<boost::asio::ssl::context>> make_tls_context(
    const std::string& certificate_file, const std::string& key_file);

}  // namespace rwp::server
