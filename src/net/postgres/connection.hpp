#pragma once

#include "net/postgres/failure.hpp"
#include "net/postgres/parameters.hpp"
#include "net/postgres/rows.hpp"
#include "net/postgres/socket_watch.hpp"
#include "net/postgres/target.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/runtime.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

struct pg_conn;
struct pg_result;

/// A thin, private face of PostgreSQL for backends: asynchronous on the runtime, pipelined, in
/// binary. No name of libpq's shows in it.
namespace rwp::net_postgres {

/// A statement that lives as long as the program; connections prepare it when they first run it.
/// One name stands for one text. Without a name it is parsed each time.
struct Statement {
  const char* name = "";
  const char* sql = "";
};

/// One statement to run, with what it is given.
struct Command {
  const Statement* statement = nullptr;
  Parameters parameters{};
};

/// What the commands of one exchange answered, in their order; or why it failed as a whole.
struct Answer {
  std::vector<Rows> rows{};
  std::optional<Failure> failure{};
  explicit operator bool() const noexcept { return !failure; }
};

struct ConnectionOptions {
  /// Prepare statements under their names. Not behind a pooler that gives each transaction another
  /// server connection.
  bool named_statements = true;
  /// Which of the target's hosts is tried first, by its place; beyond the last from the first
  /// again.
  std::size_t first_host = 0;
};

/// One connection to one server.
///
/// All commands of an exchange travel at once, and are one transaction unless they begin and end
/// theirs themselves. An exchange that is cancelled, or has not ended by its deadline, breaks the
/// connection off, so that nobody reads another's answer.
///
/// Threads: confined to the runtime's I/O thread, one exchange at a time.
class Connection {
 public:
  /// `Errc::unavailable`, `unauthenticated`, `not_found` (the database), `deadline_exceeded`.
  static boost::asio::awaitable<Result<std::unique_ptr<Connection>>> open(Runtime& runtime,
                                                                          Target target,
                                                                          ConnectionOptions options,
                                                                          SteadyTime deadline);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  boost::asio::awaitable<Answer> run(std::vector<Command> commands, SteadyTime deadline);

  /// Waits for notifications of what this connection listens to; none at the deadline.
  boost::asio::awaitable<Result<std::vector<std::string>>> notifications(SteadyTime deadline);

  /// Whether it can be used for another exchange.
  bool is_usable() const noexcept { return connection_ != nullptr; }
  bool in_transaction() const;
  int server_version() const;

 private:
  struct Finish {
    void operator()(pg_conn* connection) const;
  };
  struct Sent;

  Connection(Runtime& runtime, ConnectionOptions options);
  boost::asio::awaitable<Result<void>> connect(Target target, SteadyTime deadline);
  bool send(const Command& command, std::vector<Sent>& sent);
  boost::asio::awaitable<Answer> receive(std::vector<Sent> sent, SteadyTime deadline);
  enum class Taken : std::uint8_t { some, whole, broken };
  /// Takes what has arrived; `at` is the place of the statement that is being answered.
  Taken take_all(const std::vector<Sent>& sent, std::size_t& at, Answer& answer);
  void take(pg_result* result, const Sent& of, Answer& answer);
  Answer lose(bool in_doubt);
  /// The connection broke in the middle of an answer.
  Answer break_off(Answer answer);
  /// The answer did not come in time, or nobody waits for it any more.
  Answer give_up(Wake wake);
  void close() noexcept;

  SocketWatch watch_;
  const ConnectionOptions options_;
  std::unique_ptr<pg_conn, Finish> connection_;
  std::unordered_set<std::string_view> prepared_;  ///< By name.
};

}  // namespace rwp::net_postgres
