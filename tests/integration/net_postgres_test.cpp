// The driver by itself, against a real server.

#include "net/postgres/pool.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <netinet/in.h>
#include <support/certificate.hpp>
#include <support/postgres_server.hpp>
#include <support/run.hpp>
#include <sys/socket.h>
#include <unistd.h>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
using namespace net_postgres;
using boost::asio::awaitable;
using std::chrono::steady_clock;

constexpr Statement kMakeTable{.name = "make",
                               .sql = "CREATE TABLE IF NOT EXISTS t (a integer PRIMARY KEY)"};
constexpr Statement kEmptyTable{.name = "empty", .sql = "DELETE FROM t"};
constexpr Statement kAdd{.name = "add", .sql = "INSERT INTO t VALUES ($1::integer)"};
constexpr Statement kCount{.name = "count", .sql = "SELECT count(*) FROM t"};
constexpr Statement kSleep{.name = "sleep", .sql = "SELECT pg_sleep(60)"};
constexpr Statement kValues{
    .name = "values",
    .sql =
        "SELECT $1::integer, $2::bigint, $3::boolean, $4::double precision, $5::text, $6::uuid,"
        " $7::text, ($8::smallint[])[2], ($9::integer[])[2], ($10::bigint[])[2], ($11::uuid[])[2],"
        " ($12::text[])[2], ($13::bytea[])[2], ($12::text[])[3], cardinality($14::text[])"};

/// Listens, and never answers: so does a machine that hangs.
class SilentHost {
 public:
  SilentHost() : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    if (bind(socket_, any, size) != 0 || listen(socket_, 100) != 0 ||
        getsockname(socket_, any, &size) != 0) {
      throw std::runtime_error("no silent host");
    }
    port_ = ntohs(address.sin_port);
  }
  ~SilentHost() { close(socket_); }
  SilentHost(const SilentHost&) = delete;
  SilentHost& operator=(const SilentHost&) = delete;
  int port() const { return port_; }

 private:
  const int socket_;
  int port_ = 0;
};

class PostgresDriverTest : public ::testing::Test {
 protected:
  static PostgresServer& server() {
    static PostgresServer one;
    return one;
  }

  std::shared_ptr<Pool> pool_at(const std::string& url, PoolOptions options = PoolOptions()) {
    options.target = Target::parse(Url::parse(url).value(), {}).value();
    return std::make_shared<Pool>(runtime_, std::move(options));
  }
  template <class T>
  Result<T> wait(awaitable<Result<T>> operation) {
    return run(runtime_, std::move(operation));
  }
  static Command of(const Statement& statement) {
    Command command;
    command.statement = &statement;
    return command;
  }
  static Command add(int value) {
    Command command = of(kAdd);
    command.parameters.integer(value);
    return command;
  }

  /// One exchange on a connection of the pool's; the outer error is the pool's.
  static awaitable<Result<Answer>> exchange(std::shared_ptr<Pool> pool,
                                            std::vector<Command> commands,
                                            std::chrono::milliseconds patience) {
    const auto deadline = steady_clock::now() + patience;
    auto lease = co_await pool->acquire(deadline);
    if (!lease) co_return lease.error();
    co_return co_await lease->run(std::move(commands), deadline);
  }
  Result<Answer> run_on(const std::shared_ptr<Pool>& pool, std::vector<Command> commands,
                        std::chrono::milliseconds patience = kGuard / 2) {
    return wait(exchange(pool, std::move(commands), patience));
  }
  std::shared_ptr<Pool> pool_with_table() {
    auto pool = pool_at(server().url());
    EXPECT_TRUE(*run_on(pool, {of(kMakeTable)}));
    EXPECT_TRUE(*run_on(pool, {of(kEmptyTable)}));
    return pool;
  }

  Runtime runtime_;
};

TEST_F(PostgresDriverTest, ValuesGoAndComeUnchanged) {
  const auto pool = pool_at(server().url());
  const Uuid id = Uuid::make_v7();
  const std::string bytes("a\0b", 3);
  Command command = of(kValues);
  Parameters& given = command.parameters;
  given.integer(-7).big_integer(std::int64_t{1} << 40).boolean(true).real(-0.25);
  given.text("žluťoučký").uuid(id).null();
  const auto of_numbers = [](Array::Of type) {
    Array numbers(type);
    numbers.add(1);
    numbers.add(-2);
    return numbers;
  };
  given.array(of_numbers(Array::Of::small_integers));
  given.array(of_numbers(Array::Of::integers));
  given.array(of_numbers(Array::Of::big_integers));
  Array ids(Array::Of::uuids);
  ids.add_null();
  ids.add(id);
  given.array(std::move(ids));
  Array texts(Array::Of::texts);
  for (const char* text : {"", "{\"a,b\"}"}) texts.add(std::string_view(text));
  texts.add_null();
  given.array(std::move(texts));
  Array blobs(Array::Of::bytes);
  blobs.add_null();
  blobs.add(std::string_view(bytes));
  given.array(std::move(blobs));
  given.array(Array(Array::Of::texts));

  const auto answer = run_on(pool, {std::move(command)}).value();

  ASSERT_TRUE(answer) << answer.failure->error.to_string();
  const Rows& rows = answer.rows.at(0);
  EXPECT_EQ(rows.integer(0, 0), -7);
  EXPECT_EQ(rows.integer(0, 1), std::int64_t{1} << 40);
  EXPECT_TRUE(rows.boolean(0, 2));
  EXPECT_EQ(rows.real(0, 3), -0.25);
  EXPECT_EQ(rows.text(0, 4), "žluťoučký");
  EXPECT_EQ(rows.uuid(0, 5), id);
  EXPECT_TRUE(rows.is_null(0, 6));
  for (const int column : {7, 8, 9}) EXPECT_EQ(rows.integer(0, column), -2) << column;
  EXPECT_EQ(rows.uuid(0, 10), id);
  EXPECT_EQ(rows.text(0, 11), "{\"a,b\"}");
  EXPECT_EQ(rows.text(0, 12), bytes);
  EXPECT_TRUE(rows.is_null(0, 13));
  EXPECT_EQ(rows.integer(0, 14), 0);
}

TEST_F(PostgresDriverTest, AnExchangeIsOneTransactionAndItsErrorShowsNoValues) {
  const auto pool = pool_with_table();

  const auto failed = run_on(pool, {add(4711), add(1), add(4711), add(2)}).value();
  const auto counted = run_on(pool, {of(kCount)}).value();

  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.failure->state, "23505");
  EXPECT_FALSE(failed.failure->lost);
  EXPECT_EQ(failed.failure->error.to_string().find("4711"), std::string::npos)
      << failed.failure->error.to_string();
  ASSERT_TRUE(counted);
  EXPECT_EQ(counted.rows.at(0).integer(0, 0), 0);
}

TEST_F(PostgresDriverTest, AnExchangePastItsDeadlineIsInDoubtAndItsConnectionGone) {
  PoolOptions options;
  options.connections = 1;
  const auto pool = pool_at(server().url(), std::move(options));

  const auto late = run_on(pool, {of(kSleep)}, 2s).value();
  const auto next = run_on(pool, {of(kMakeTable)}).value();

  ASSERT_FALSE(late);
  EXPECT_EQ(late.failure->error.code(), Errc::unavailable);
  EXPECT_TRUE(late.failure->lost);
  EXPECT_TRUE(late.failure->in_doubt);
  EXPECT_TRUE(next) << "nobody reads another's answer";
}

TEST_F(PostgresDriverTest, AConnectionThatDiedWhileItWasIdleIsReplacedBeforeItsUse) {
  PoolOptions options;
  options.connections = 1;
  options.check_after = 0ms;
  const auto pool = pool_at(server().url(), std::move(options));
  ASSERT_TRUE(*run_on(pool, {of(kMakeTable)}));

  server().restart(SIGINT);

  const auto answer = run_on(pool, {of(kCount)}).value();
  EXPECT_TRUE(answer) << answer.failure->error.to_string();
}

TEST_F(PostgresDriverTest, ASilentHostIsPassedOver) {
  const SilentHost silent;
  PoolOptions options;
  options.connect_timeout = 500ms;
  const auto pool = pool_at("postgres://rwp@127.0.0.1:" + std::to_string(silent.port()) +
                                ",127.0.0.1:" + std::to_string(server().port()) + "/postgres",
                            std::move(options));

  std::optional<Error> problem;
  const auto deadline = steady_clock::now() + 60s;
  bool answered = false;
  while (!answered && steady_clock::now() < deadline) {
    const auto answer = run_on(pool, {of(kMakeTable)});
    answered = answer.has_value() && *answer;
    if (!answer) problem = answer.error();
  }

  EXPECT_TRUE(answered) << problem->to_string();
  EXPECT_TRUE(problem.has_value()) << "the silent host was not asked first";
}

TEST_F(PostgresDriverTest, WhoWaitsForTheNextAttemptIsToldWhyTheLastOneFailed) {
  const auto pool = pool_at("postgres://u@127.0.0.1:1/d");
  for (int i = 0; i < 6; ++i) ASSERT_FALSE(run_on(pool, {of(kCount)}).has_value());

  const auto answer = run_on(pool, {of(kCount)}, 1ms);

  EXPECT_EQ(answer.error().code(), Errc::unavailable);
  EXPECT_NE(answer.error().message().find("refused"), std::string::npos)
      << answer.error().message();
}

TEST_F(PostgresDriverTest, PasswordsAreInNoErrorWhereverTheyStandInTheUrl) {
  for (const std::string& url :
       {std::string("postgres://u:hunter2@127.0.0.1:1/d"),
        std::string("postgres://u@127.0.0.1:1/d?password=hunter2&sslpassword=hunter2"),
        "postgres://nobody:hunter2@127.0.0.1:" + std::to_string(server().port()) + "/postgres"}) {
    EXPECT_EQ(Url::parse(url)->masked().find("hunter2"), std::string::npos) << url;
    const auto answer = run_on(pool_at(url), {of(kCount)}, 1s);
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().to_string().find("hunter2"), std::string::npos)
        << answer.error().to_string();
  }
}

constexpr Statement kEcho{.sql = "SELECT $1::text"};
constexpr Statement kIsEncrypted{.sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"};
constexpr Statement kRepeat{.sql = "SELECT repeat($1::text, 1000000)"};

class PostgresTlsTest : public PostgresDriverTest {
 protected:
  static std::unique_ptr<PostgresServer> server_with(const Certificate& certificate) {
    give_to_server_user(certificate.folder());
    give_to_server_user(certificate.file());
    give_to_server_user(certificate.key());
    return std::make_unique<PostgresServer>(
        PostgresServer::Options{.settings = {"ssl=on", "ssl_cert_file=" + certificate.file(),
                                             "ssl_key_file=" + certificate.key()}});
  }
  static std::string url_of(const PostgresServer& server, const std::string& host,
                            const std::string& query) {
    return "postgres://rwp@" + host + ":" + std::to_string(server.port()) + "/postgres?" + query;
  }
  Error refusal_of(const std::string& url) {
    auto answer = run_on(pool_at(url), {of(kCount)});
    EXPECT_FALSE(answer.has_value()) << url;
    return answer ? Error() : answer.error();
  }

  Certificate certificate_{"localhost", "DNS:localhost"};
};

TEST_F(PostgresTlsTest, AServerOfATrustedAuthorityIsSpokenToAndNoOther) {
  const auto server = server_with(certificate_);
  const Certificate other("localhost", "DNS:localhost");
  const std::string trusts = "sslmode=verify-full&sslrootcert=" + certificate_.file();
  const auto pool = pool_at(url_of(*server, "localhost", trusts));
  std::vector<Command> commands = {of(kIsEncrypted), of(kRepeat), of(kRepeat)};
  // More than a record of TLS each way, and several answers in one of them.
  const std::string large(100'000, 'x');
  commands[1].parameters.text("y");
  commands[2].parameters.text("zz");
  for (int i = 0; i < 100; ++i) {
    commands.push_back(of(kIsEncrypted));
    commands.push_back(of(kEcho));
    commands.back().parameters.text(i % 10 == 0 ? large : "short");
  }

  const auto answer = run_on(pool, std::move(commands)).value();

  ASSERT_TRUE(answer) << answer.failure->error.to_string();
  EXPECT_TRUE(answer.rows[0].boolean(0, 0));
  EXPECT_EQ(answer.rows[1].text(0, 0), std::string(1'000'000, 'y'));
  EXPECT_EQ(answer.rows[2].text(0, 0).size(), 2'000'000U);
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(answer.rows[4 + 2 * i].text(0, 0), i % 10 == 0 ? large : "short");
  }
  // Another authority; a name that the certificate does not have, which only verify-full minds.
  EXPECT_EQ(
      refusal_of(url_of(*server, "localhost", "sslmode=verify-full&sslrootcert=" + other.file()))
          .code(),
      Errc::unauthenticated);
  EXPECT_EQ(refusal_of(url_of(*server, "127.0.0.1", trusts)).code(), Errc::unauthenticated);
  const std::string nowhere = "sslmode=verify-full&sslrootcert=/nonexistent/ca";
  EXPECT_EQ(refusal_of(url_of(*server, "localhost", nowhere)).code(), Errc::invalid_argument);
  EXPECT_TRUE(*run_on(
      pool_at(url_of(*server, "127.0.0.1", "sslmode=verify-ca&sslrootcert=" + certificate_.file())),
      {of(kIsEncrypted)}));
}

TEST_F(PostgresTlsTest, AServerWithoutTlsIsRefusedWhereItIsRequired) {
  EXPECT_EQ(refusal_of(server().url() + "?sslmode=require").code(), Errc::unsupported);
  EXPECT_TRUE(*run_on(pool_at(server().url() + "?sslmode=prefer"), {of(kIsEncrypted)}));
}

}  // namespace
}  // namespace rwp::tests
