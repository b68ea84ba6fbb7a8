#pragma once

#include <rwp/core/runtime.hpp>
#include <rwp/net/http_transport.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace rwp::net {

struct CurlTransportOptions {
  /// Connections kept to one host, idle ones too; more requests wait for a free one. 1 to 10,000.
  std::size_t max_connections_per_host = 256;
  /// Connections in all.
  std::size_t max_connections = 1'024;
  /// Speak HTTP/2 over TLS where the server offers it.
  bool http2 = true;
  /// PEM file of the authorities to trust instead of the system's; empty: the system's.
  std::string ca_file{};
  /// "rwp/0.1.0" when empty.
  std::string user_agent{};
  /// May be null. Series: rwp_http_client_requests_total{outcome}, rwp_http_client_seconds,
  /// rwp_http_client_in_flight.
  std::shared_ptr<observability::Metrics> metrics{};
  observability::Logger log{};
};

/// The transport of this library: libcurl's multi interface driven by the runtime's I/O thread.
///
/// Connections are kept and used again. TLS certificates and host names are always verified. No
/// proxy and no .netrc is taken from the environment.
std::shared_ptr<HttpTransport> make_curl_transport(
    Runtime& runtime, CurlTransportOptions options = CurlTransportOptions());

}  // namespace rwp::net
