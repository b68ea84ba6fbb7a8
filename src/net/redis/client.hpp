#pragma once

#include "net/redis/command.hpp"
#include "net/redis/dialer.hpp"
#include "net/redis/options.hpp"
#include "net/redis/reply.hpp"
#include "net/redis/script.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/runtime.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rwp::net_redis {

struct CallOptions {
  /// Zero: the client's command_timeout. Until the answer, a wait for a connection included.
  std::chrono::milliseconds timeout{0};
  /// Send it again when the connection was lost before its answer came: for what only reads, or
  /// does no harm when it happens twice.
  bool repeatable = false;
  /// Only on this connection (Server::connection); when it is gone by then, `Errc::unavailable` and
  /// nothing was sent. Zero: on any.
  std::uint64_t only_on = 0;
  /// Whether to wait while there is no connection; else `Errc::unavailable` at once.
  bool wait_for_connection = true;
};

/// A Redis server behind one connection, which calls share: what several coroutines ask goes out
/// together, and answers come back in order. A lost connection is made anew, with Sentinels to the
/// master that they name then.
///
/// A call whose command was sent and whose answer did not come (time-out, lost connection,
/// cancellation) says that the outcome is unknown; a late answer is dropped and shifts no other.
/// Commands that block the connection (BLPOP, WAIT, SUBSCRIBE) do not belong here.
///
/// Errors: `Errc::unavailable`, `Errc::deadline_exceeded`, `Errc::cancelled`, `Errc::corrupt` (what
/// is no RESP) and those of to_error().
/// Threads: confined to the runtime's I/O thread; may be made and destroyed on any.
/// Lifetime: the client outlives its calls in flight, and the runtime the client.
class Client {
 public:
  /// Begins to connect. `Errc::invalid_argument`: options of no use.
  static Result<std::shared_ptr<Client>> make(Runtime& runtime, ClientOptions options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// One command's answer; an error answer is an Error.
  boost::asio::awaitable<Result<Reply>> call(Command command, CallOptions options = CallOptions());

  /// The answers of several commands, which are sent one directly after the other on one
  /// connection, as MULTI … EXEC need it; error answers among them.
  boost::asio::awaitable<Result<std::vector<Reply>>> exchange(std::vector<Command> commands,
                                                              CallOptions options = CallOptions());

  /// Runs a script on the server, by its digest; it is sent when the server has it not.
  boost::asio::awaitable<Result<Reply>> run(std::shared_ptr<const Script> script,
                                            std::vector<std::string> keys,
                                            std::vector<std::string> arguments,
                                            CallOptions options = CallOptions());

  /// What the present connection sees; none while there is none.
  std::optional<Server> server() const;
  /// The same, once there is a connection. `Errc::unavailable`, with the last failure as its cause:
  /// not by `deadline`.
  boost::asio::awaitable<Result<Server>> connected(SteadyTime deadline);
  /// Why there is no connection; none before the first failure, and while there is one.
  std::optional<Error> trouble() const;

  class Core;
  /// Only for make().
  Client(Runtime& runtime, std::shared_ptr<Core> core);

 private:
  Runtime& runtime_;
  const std::shared_ptr<Core> core_;
};

}  // namespace rwp::net_redis
