#pragma once

#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/core/secret.hpp>
#include <rwp/jobadder/oauth.hpp>
#include <rwp/jobadder/state_store.hpp>
#include <rwp/net/http_transport.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace rwp::jobadder {

struct TokenKeeperOptions {
  OAuthOptions oauth{};
  /// Sends each exchange once: no retrying transport.
  std::shared_ptr<net::HttpTransport> transport{};
  std::shared_ptr<StateStore> state{};
  /// The cell that holds the tokens, such as "jobadder/acme/connection".
  std::string name = "jobadder/connection";
  /// How long a process that refreshes keeps the others from it. What dies meanwhile costs them so
  /// long. 1 s to 10 min.
  std::chrono::milliseconds lease{30'000};
  /// Tells the time of expiry; the clocks of a fleet may differ by less than `lease`.
  std::function<std::chrono::system_clock::time_point()> now = &std::chrono::system_clock::now;
  observability::Logger log{};
  /// May be null. Series: rwp_jobadder_token_refreshes_total{outcome}.
  std::shared_ptr<observability::Metrics> metrics{};
};

/// A token to use, and which it is.
struct Access {
  Secret token{};
  std::string api_url{};
  /// Raised with every new token of the account.
  std::uint64_t generation = 0;
};

/// What is known of a connection without asking JobAdder.
struct ConnectionStatus {
  std::uint64_t generation = 0;
  std::string api_url{};
  std::string instance{};
  std::string account{};
  std::chrono::system_clock::time_point issued_at{};
  std::chrono::system_clock::time_point expires_at{};
  /// Why a person has to sign in again; empty: nobody has to.
  std::string broken{};
};

/// Keeps one account's tokens, shared by all processes that know the same cell.
///
/// JobAdder's refresh tokens are good for one use, so of many processes one refreshes: it writes
/// a lease into the cell, exchanges, and writes the new tokens before anybody uses them; the others
/// wait and read. Who dies with the lease costs the others its rest; who was only slow still
/// writes what he got, when nobody has got anything newer, also over a verdict that the account is
/// lost. The exchange goes on when its callers give up. Tokens lie enciphered under the client
/// secret.
///
/// Refreshed at four fifths of a token's life, in the background while the old one is good.
/// Threads: made on any thread, else confined to its runtime's I/O thread. Lifetime: the runtime
/// outlives it; what is under way keeps it.
class TokenKeeper {
 public:
  TokenKeeper(Runtime& runtime, TokenKeeperOptions options);
  ~TokenKeeper();
  TokenKeeper(const TokenKeeper&) = delete;
  TokenKeeper& operator=(const TokenKeeper&) = delete;

  /// A token that is good. `Errc::unauthenticated`: nobody has signed in, or somebody must again
  /// (the message says which), for good; `Errc::unavailable`, `Errc::deadline_exceeded`: not now.
  boost::asio::awaitable<Result<Access>> access(SteadyTime deadline);
  /// As access(), of a generation above `refused`, which JobAdder did not take.
  boost::asio::awaitable<Result<Access>> renew(std::uint64_t refused, SteadyTime deadline);

  /// Keeps what a person's sign-in gave, in place of all before.
  boost::asio::awaitable<Result<void>> keep(Tokens tokens);
  /// `Errc::not_found`: nobody has signed in.
  boost::asio::awaitable<Result<ConnectionStatus>> status();

 private:
  struct Impl;
  const std::shared_ptr<Impl> impl_;
};

}  // namespace rwp::jobadder
