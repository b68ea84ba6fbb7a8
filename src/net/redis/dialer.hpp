#pragma once

#include "net/redis/options.hpp"
#include "net/redis/wire.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/runtime.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace rwp::net_redis {

/// The server process that a connection sees.
struct Server {
  Endpoint endpoint{};
  /// Made anew whenever a server starts; 40 hexadecimal digits.
  std::string run_id{};
  /// "7.0.15"
  std::string version{};
  /// Counts this client's connections from 1; see CallOptions::only_on.
  std::uint64_t connection = 0;
};

/// A connection on which commands may be sent.
struct Session {
  std::unique_ptr<Wire> wire{};
  Server server{};
};

/// Makes connections to the master: finds it, speaks TLS, AUTH and SELECT, and looks whether it is
/// one (ROLE) and ready (PING). The user needs the commands ROLE, INFO and PING.
///
/// Threads: confined to the runtime's I/O thread.
class Dialer {
 public:
  /// `Errc::invalid_argument`: TLS files of no use.
  static Result<std::shared_ptr<Dialer>> make(Runtime& runtime, ClientOptions options);

  /// A session with the master, within the options' connect_timeout. `Errc::unavailable`,
  /// `Errc::unauthenticated`, `Errc::permission_denied`.
  boost::asio::awaitable<Result<Session>> dial();

  /// A session with a Sentinel that knows the master; only with Sentinels.
  boost::asio::awaitable<Result<Session>> dial_sentinel();

  /// Where the Sentinels say that the master is.
  boost::asio::awaitable<Result<Endpoint>> find_master(SteadyTime deadline);

  const ClientOptions& options() const noexcept { return options_; }

  /// Only for make().
  Dialer(Runtime& runtime, ClientOptions options, std::shared_ptr<TlsContext> tls);

 private:
  struct SentinelAnswer {
    Session session{};
    Endpoint master{};
  };
  boost::asio::awaitable<Result<Session>> dial_by(SteadyTime deadline);
  boost::asio::awaitable<Result<SentinelAnswer>> ask_sentinels(SteadyTime deadline);
  boost::asio::awaitable<Result<SentinelAnswer>> ask_sentinel(Endpoint sentinel,
                                                              SteadyTime deadline);
  boost::asio::awaitable<Result<Session>> greet(std::unique_ptr<Stream> stream, Endpoint endpoint);

  Runtime& runtime_;
  const ClientOptions options_;
  const std::shared_ptr<TlsContext> tls_;
  /// The Sentinel that answered last is asked first.
  std::size_t first_sentinel_ = 0;
};

}  // namespace rwp::net_redis
