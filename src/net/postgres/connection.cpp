#include "net/postgres/connection.hpp"

#include <algorithm>
#include <libpq-fe.h>
#include <utility>

namespace rwp::net_postgres {
namespace {

constexpr int kBinary = 1;

/// Warnings of the server go nowhere; libpq would write them to standard error.
void drop_notice(void* /*unused*/, const PGresult* /*notice*/) {}

}  // namespace

/// What has been sent and not yet been answered.
struct Connection::Sent {
  const Statement* statement = nullptr;
  bool is_prepare = false;
};

void Connection::Finish::operator()(PGconn* connection) const { PQfinish(connection); }

Connection::Connection(Runtime& runtime, ConnectionOptions options)
    : watch_(runtime.executor()), options_(options) {}

Connection::~Connection() { close(); }

void Connection::close() noexcept {
  watch_.let_go();
  connection_.reset();
}

boost::asio::awaitable<Result<std::unique_ptr<Connection>>> Connection::open(
    Runtime& runtime, Target target, ConnectionOptions options, SteadyTime deadline) {
  auto resolved = co_await target.resolve(runtime);
  if (!resolved) co_return resolved.error();
  resolved->begin_with(options.first_host);
  std::unique_ptr<Connection> made(new Connection(runtime, options));
  auto connected = co_await made->connect(std::move(*resolved), deadline);
  if (!connected) co_return connected.error();
  co_return std::move(made);
}

boost::asio::awaitable<Result<void>> Connection::connect(Target target, SteadyTime deadline) {
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  for (const auto& [keyword, value] : target.keywords()) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  connection_.reset(PQconnectStartParams(keywords.data(), values.data(), 0));
  PostgresPollingStatusType next = PGRES_POLLING_WRITING;
  while (next != PGRES_POLLING_OK) {
    if (!connection_ || next == PGRES_POLLING_FAILED ||
        PQstatus(connection_.get()) == CONNECTION_BAD) {
      const Error error = failure_of(connection_.get()).error;
      close();
      co_return error;
    }
    // libpq may go on to another host, and so to another socket, with each step.
    watch_.watch(PQsocket(connection_.get()));
    const bool to_read = next == PGRES_POLLING_READING;
    const Wake wake = co_await watch_.wait(to_read, !to_read, deadline);
    watch_.let_go();
    if (wake != Wake::notified) {
      close();
      co_return wake == Wake::cancelled
          ? Error(Errc::cancelled, "connecting to PostgreSQL was cancelled")
          : Error(Errc::unavailable, "PostgreSQL: no connection in time");
    }
    next = PQconnectPoll(connection_.get());
  }
  PQsetNoticeReceiver(connection_.get(), &drop_notice, nullptr);
  if (PQsetnonblocking(connection_.get(), 1) != 0 || PQenterPipelineMode(connection_.get()) != 1) {
    const Error error = failure_of(connection_.get()).error;
    close();
    co_return error;
  }
  watch_.watch(PQsocket(connection_.get()));
  co_return Result<void>();
}

Answer Connection::lose(bool in_doubt) {
  Answer answer;
  answer.failure = failure_of(connection_.get());
  answer.failure->in_doubt = in_doubt;
  close();
  return answer;
}

bool Connection::send(const Command& command, std::vector<Sent>& sent) {
  PGconn* const connection = connection_.get();
  const Statement& statement = *command.statement;
  const auto count = static_cast<int>(command.parameters.size());
  std::vector<const char*> values;
  std::vector<int> lengths;
  values.reserve(command.parameters.size());
  lengths.reserve(command.parameters.size());
  for (std::size_t i = 0; i < command.parameters.size(); ++i) {
    const auto& value = command.parameters[i];
    values.push_back(value ? value->data() : nullptr);
    lengths.push_back(value ? static_cast<int>(value->size()) : 0);
  }
  const std::vector<int> formats(command.parameters.size(), kBinary);
  if (!options_.named_statements || *statement.name == '\0') {
    sent.push_back({.statement = &statement});
    return PQsendQueryParams(connection, statement.sql, count, nullptr, values.data(),
                             lengths.data(), formats.data(), kBinary) == 1;
  }
  const bool waits_for_prepare = std::any_of(sent.begin(), sent.end(), [&](const Sent& earlier) {
    return earlier.is_prepare && std::string_view(earlier.statement->name) == statement.name;
  });
  if (!waits_for_prepare && !prepared_.contains(statement.name)) {
    sent.push_back({.statement = &statement, .is_prepare = true});
    if (PQsendPrepare(connection, statement.name, statement.sql, 0, nullptr) != 1) {
      return false;
    }
  }
  sent.push_back({.statement = &statement});
  return PQsendQueryPrepared(connection, statement.name, count, values.data(), lengths.data(),
                             formats.data(), kBinary) == 1;
}

boost::asio::awaitable<Answer> Connection::run(std::vector<Command> commands, SteadyTime deadline) {
  if (!connection_) {
    Answer answer;
    answer.failure =
        Failure{.error = Error(Errc::unavailable, "PostgreSQL: connection lost"), .lost = true};
    co_return answer;
  }
  std::vector<Sent> sent;
  sent.reserve(commands.size() * 2);
  for (const Command& command : commands) {
    // What libpq has already passed on ends with the connection, before any Sync: nothing of it
    // is committed, unless it commits for itself.
    if (!send(command, sent)) co_return lose(true);
  }
  if (PQpipelineSync(connection_.get()) != 1) co_return lose(true);
  commands.clear();
  co_return co_await receive(std::move(sent), deadline);
}

void Connection::take(PGresult* result, const Sent& of, Answer& answer) {
  Rows rows(result);
  switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
      if (of.is_prepare) {
        prepared_.insert(of.statement->name);
      } else {
        answer.rows.push_back(std::move(rows));
      }
      return;
    case PGRES_PIPELINE_ABORTED:
      return;
    default:
      if (!answer.failure) answer.failure = failure_of(result);
  }
}

boost::asio::awaitable<Answer> Connection::receive(std::vector<Sent> sent, SteadyTime deadline) {
  Answer answer;
  sent.emplace_back();  // The sync, which may fail, too: it commits.
  std::size_t at = 0;
  for (;;) {
    const int left_to_write = PQflush(connection_.get());
    if (left_to_write < 0) co_return break_off(std::move(answer));
    const Taken taken = take_all(sent, at, answer);
    if (taken == Taken::whole) co_return answer;
    if (taken == Taken::broken) co_return break_off(std::move(answer));
    const Wake wake = co_await watch_.wait(true, left_to_write > 0, deadline);
    if (wake != Wake::notified) co_return give_up(wake);
    if (PQconsumeInput(connection_.get()) == 0) co_return break_off(std::move(answer));
  }
}

Connection::Taken Connection::take_all(const std::vector<Sent>& sent, std::size_t& at,
                                       Answer& answer) {
  if (PQstatus(connection_.get()) == CONNECTION_BAD) return Taken::broken;
  while (PQisBusy(connection_.get()) == 0) {
    PGresult* const result = PQgetResult(connection_.get());
    if (result == nullptr) {
      if (PQstatus(connection_.get()) == CONNECTION_BAD) return Taken::broken;
      if (at + 1 < sent.size()) ++at;
      continue;
    }
    if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
      PQclear(result);
      if (answer.failure && answer.failure->lost) close();
      return Taken::whole;
    }
    take(result, sent[at], answer);
  }
  return Taken::some;
}

Answer Connection::break_off(Answer answer) {
  if (!answer.failure || !answer.failure->lost) return lose(true);
  // The server has said why it goes; whether it had committed, it has not.
  answer.failure->in_doubt = true;
  close();
  return answer;
}

Answer Connection::give_up(Wake wake) {
  close();
  Answer none;
  none.failure = Failure{
      .error = wake == Wake::cancelled
                   ? Error(Errc::cancelled, "the exchange was cancelled; its outcome is unknown")
                   : Error(Errc::unavailable, "PostgreSQL: no answer in time"),
      .lost = true,
      .in_doubt = true};
  return none;
}

boost::asio::awaitable<Result<std::vector<std::string>>> Connection::notifications(
    SteadyTime deadline) {
  std::vector<std::string> payloads;
  while (connection_) {
    while (PGnotify* const note = PQnotifies(connection_.get())) {
      payloads.emplace_back(note->extra);
      PQfreemem(note);
    }
    if (!payloads.empty()) co_return payloads;
    const Wake wake = co_await watch_.wait(true, false, deadline);
    if (wake == Wake::timed_out) co_return payloads;
    if (wake == Wake::cancelled) co_return Error(Errc::cancelled, "the wait was cancelled");
    if (PQconsumeInput(connection_.get()) == 0) {
      const Error error = failure_of(connection_.get()).error;
      close();
      co_return error;
    }
  }
  co_return Error(Errc::unavailable, "PostgreSQL: connection lost");
}

bool Connection::in_transaction() const {
  return connection_ && PQtransactionStatus(connection_.get()) != PQTRANS_IDLE;
}

int Connection::server_version() const {
  return connection_ ? PQserverVersion(connection_.get()) : 0;
}

}  // namespace rwp::net_postgres
