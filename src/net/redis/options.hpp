#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/secret.hpp>
#include <rwp/core/url.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace rwp::net_redis {

/// Where a server listens.
struct Endpoint {
  /// A name or an address; unused with a path.
  std::string host = "127.0.0.1";
  std::uint16_t port = 6379;
  /// A Unix socket's.
  std::string path{};

  /// "host:port", "[::1]:port", or the path.
  std::string to_string() const;
  bool operator==(const Endpoint&) const = default;
};

struct TlsOptions {
  /// Certificate and host name are always verified.
  bool enabled = false;
  /// PEM file of the authorities to trust instead of the system's; empty: the system's.
  std::string ca_file{};
  /// This side's own certificate and key, where the server asks for one; both or none.
  std::string certificate_file{};
  std::string key_file{};
  /// Name to verify instead of the host's; empty: the host's.
  std::string server_name{};
};

struct Credentials {
  /// Of the ACL; empty: the default user.
  std::string user{};
  /// Empty: no AUTH.
  Secret password{};
};

struct ClientOptions {
  Endpoint endpoint{};
  /// When not empty, these know where the master is, and `endpoint` is not used.
  std::vector<Endpoint> sentinels{};
  /// What the Sentinels call the master.
  std::string master_name{};
  Credentials credentials{};
  Credentials sentinel_credentials{};
  TlsOptions tls{};
  unsigned database = 0;
  /// Shown in the server's CLIENT LIST; letters, digits and - . _ only.
  std::string client_name = "rwp";

  /// Whole way to a usable connection: name look-up, TCP, TLS, AUTH, ROLE.
  std::chrono::milliseconds connect_timeout{5'000};
  /// Of a call that names none.
  std::chrono::milliseconds command_timeout{5'000};
  /// Most that is waited before the first attempt after a loss, twice as much before each further
  /// one; each wait is evenly between nothing and the bound.
  std::chrono::milliseconds first_wait{50};
  std::chrono::milliseconds longest_wait{2'000};
  /// A connection on which nothing came for so long is asked by PING.
  std::chrono::milliseconds ping_interval{10'000};
  /// A connection that owes an answer and from which nothing came for so long is given up, and one
  /// whose answer is not whole after six times as long. Longer than any script.
  std::chrono::milliseconds longest_silence{10'000};

  /// Commands that wait or await their answers; beyond, a call is refused.
  std::size_t max_pending = 10'000;
  /// Bytes of commands that have not been written.
  std::size_t max_pending_bytes = std::size_t{64} << 20U;

  /// May be null. Series: see ClientSeries.
  std::shared_ptr<observability::Metrics> metrics{};
  /// Label "use" of the series, from a small set: "dispatch", "limits".
  std::string use = "redis";
  observability::Logger log{};
};

/// Reads
///
///     redis://[[user]:password@]host[:port][/database]            rediss:// with TLS
///     redis+unix:///path/of/socket
///     redis-sentinel://[[user]:password@]host[:port],host[:port]…/master[/database]
///
/// (`rediss-sentinel://` speaks TLS to Sentinels and servers) with the options `db`, `user`,
/// `password`, `ca_file`, `certificate_file`, `key_file`, `server_name`, `sentinel_user`,
/// `sentinel_password`, `client_name`, `connect_timeout`, `command_timeout`, `ping_interval`.
/// Percent escapes are resolved everywhere. `Errc::invalid_argument` names what is wrong, and never
/// shows a password.
Result<ClientOptions> parse_client_url(const Url& url);

/// As the above for text; for those who have not parsed it yet.
Result<ClientOptions> parse_client_url(std::string_view text);

}  // namespace rwp::net_redis
