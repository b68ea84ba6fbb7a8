#include "jobs_tiered/server_line.hpp"

#include <charconv>
#include <functional>
#include <map>
#include <utility>

namespace rwp::jobs_tiered {

using std::chrono::milliseconds;

namespace {

constexpr milliseconds kLook{1'000};
/// A script's status.
constexpr std::int64_t kOfAnother = 4;

SteadyTime now() { return std::chrono::steady_clock::now(); }

Error closed_error() {
  return Error(Errc::unavailable, "dispatch: Redis has not been opened for jobs");
}

}  // namespace

std::string key_base(const std::string& name) { return "rwp:{" + name + "}:"; }

std::optional<std::int64_t> integer_of(const net_redis::Reply& reply) {
  if (reply.kind == net_redis::Reply::Kind::integer) return reply.integer;
  if (reply.kind != net_redis::Reply::Kind::text) return std::nullopt;
  std::int64_t number = 0;
  const char* end = reply.text.data() + reply.text.size();
  const auto [stopped, problem] = std::from_chars(reply.text.data(), end, number);
  if (problem != std::errc() || stopped != end) return std::nullopt;
  return number;
}

Error bad_answer(const char* name) {
  return Error(Errc::unavailable, std::string("dispatch: ") + name + ": an answer of another form");
}

ServerLine::ServerLine(std::shared_ptr<net_redis::Client> client, const DispatchOptions& options,
                       std::function<void(bool)> on_open)
    : client_(std::move(client)),
      base_(key_base(options.name)),
      patience_(options.patience),
      clock_(options.clock),
      metrics_(options.metrics),
      on_open_(std::move(on_open)) {}

bool ServerLine::is_open() const { return open_ && client_ && client_->server().has_value(); }

Error ServerLine::why_closed() const {
  if (!client_) return Error(Errc::unavailable, "dispatch: shut down");
  if (client_->server()) {
    if (of_another_) return closed_error().with_cause(*of_another_);
    return trouble_ ? *trouble_ : closed_error();
  }
  Error problem(Errc::unavailable, "dispatch: no connection to Redis");
  const auto trouble = client_->trouble();
  return trouble ? problem.with_cause(*trouble) : problem;
}

void ServerLine::set_epoch(std::int64_t epoch) {
  if (std::exchange(epoch_, epoch) == epoch) return;
  // What was open is so no more, or is again.
  hear(false);
  look_again();
}

void ServerLine::set_database(std::string database) {
  if (database_ == database) return;
  database_ = std::move(database);
  hear(false);
  look_again();
}

Error ServerLine::belongs_to(const std::string& database) const {
  return Error(Errc::conflict,
               "Redis hands out the jobs of another database (" + database +
                   ") under this name: give one of the two stores another (?name=…); if that"
                   " database is gone, remove the keys " +
                   base_ + "* first");
}

void ServerLine::look_again() { look_.notify_all(); }

void ServerLine::shut_down() {
  hear(false);
  client_.reset();
  look_.notify_all();
}

void ServerLine::hear(bool open) {
  if (std::exchange(open_, open) != open) on_open_(open);
}

void ServerLine::notice(const net_redis::Server& server) {
  if (std::exchange(connection_, server.connection) == server.connection) return;
  lost_ = true;
  // Until it has been asked.
  hear(false);
}

void ServerLine::count(const char* name) {
  if (!metrics_) return;
  observability::Counter*& counter = counters_[name];
  if (counter == nullptr) {
    counter = &metrics_->counter("rwp_tiered_dispatch_round_trips_total",
                                 "Scripts that Redis was asked to run.", {{"call", name}});
  }
  counter->add();
}

boost::asio::awaitable<Result<net_redis::Server>> ServerLine::present_server() {
  if (!client_) co_return why_closed();
  if (auto server = client_->server()) co_return *server;
  // The first connection is waited for.
  if (connection_ == 0 && !client_->trouble()) {
    auto connecting = client_->connected(now() + patience_);
    auto connected = co_await std::move(connecting);
    if (connected || connected.error().code() == Errc::cancelled) co_return connected;
  }
  co_return why_closed();
}

boost::asio::awaitable<Result<Answer>> ServerLine::ask(scripts::ScriptRef script, const char* name,
                                                       Arguments arguments) {
  const auto self = shared_from_this();
  auto looking = present_server();
  const auto server = co_await std::move(looking);
  if (!server) {
    hear(false);
    co_return server.error();
  }
  if (!client_) co_return why_closed();
  notice(*server);
  count(name);
  Arguments all;
  all.reserve(arguments.size() + 4);
  all.push_back(server->run_id);
  all.push_back(std::to_string(epoch_) + ' ' + database_);
  if (clock_) {
    using std::chrono::duration_cast;
    const auto wall = duration_cast<milliseconds>(clock_->now().time_since_epoch());
    all.push_back(std::to_string(wall.count()));
    all.push_back(std::to_string(duration_cast<milliseconds>(clock_->since_boot()).count()));
  } else {
    all.resize(4);
  }
  for (std::string& each : arguments) all.push_back(std::move(each));
  net_redis::CallOptions options;
  options.timeout = patience_;
  options.only_on = server->connection;
  options.wait_for_connection = false;
  const std::int64_t epoch = epoch_;
  Arguments keys{base_};
  auto running = client_->run(std::move(script), std::move(keys), std::move(all), options);
  auto reply = co_await std::move(running);
  if (!reply) {
    const Error& problem = reply.error();
    lost_ = true;
    if (problem.code() == Errc::cancelled) co_return problem;
    trouble_ = Error(Errc::unavailable, std::string("dispatch: ") + name).with_cause(problem);
    co_return *trouble_;
  }
  trouble_.reset();
  if (!reply->is_array() || reply->items.size() < 2) co_return bad_answer(name);
  Answer answer;
  answer.parts = std::move(reply->items);
  answer.status = integer_of(answer.parts[0]).value_or(-1);
  answer.server = answer.parts[1].text;
  if (answer.status == kOfAnother) {
    of_another_ = belongs_to(answer.parts.size() > 2 ? answer.parts[2].text : std::string());
    hear(false);
    co_return Error(Errc::unavailable, std::string("dispatch: ") + name).with_cause(*of_another_);
  }
  of_another_.reset();
  // Of an epoch, or a connection, that is left behind, it says nothing.
  if (answer.status <= 1 && epoch == epoch_ && connection_ == server->connection && client_) {
    hear(answer.status == 1);
  }
  co_return answer;
}

boost::asio::awaitable<Result<Answer>> ServerLine::ask_open(scripts::ScriptRef script,
                                                            const char* name, Arguments arguments) {
  auto asking = ask(std::move(script), name, std::move(arguments));
  auto answer = co_await std::move(asking);
  if (answer && answer->status != 1) co_return closed_error();
  co_return answer;
}

boost::asio::awaitable<Result<std::vector<std::string>>> ServerLine::risks() {
  const auto self = shared_from_this();
  auto looking = present_server();
  const auto server = co_await std::move(looking);
  if (!server) co_return server.error();
  if (!client_) co_return why_closed();
  std::vector<net_redis::Command> commands;
  commands.push_back(net_redis::command("CONFIG", "GET", "maxmemory", "maxmemory-policy",
                                        "min-replicas-to-write", "min-replicas-max-lag"));
  commands.push_back(net_redis::command("INFO", "replication"));
  net_redis::CallOptions options;
  options.timeout = patience_;
  options.repeatable = true;
  auto asking = client_->exchange(std::move(commands), options);
  const auto answers = co_await std::move(asking);
  if (!answers) co_return answers.error();
  if (answers->size() != 2) co_return bad_answer("risks");
  std::map<std::string, std::string, std::less<>> settings;
  const auto& told = (*answers)[0].items;
  for (std::size_t i = 0; i + 1 < told.size(); i += 2) settings[told[i].text] = told[i + 1].text;
  const bool has_replicas = (*answers)[1].text.find("connected_slaves:0\r") == std::string::npos &&
                            (*answers)[1].text.find("connected_slaves:") != std::string::npos;
  std::vector<std::string> found;
  if (settings["maxmemory"] != "0" && settings["maxmemory-policy"] != "noeviction" &&
      !settings["maxmemory-policy"].empty()) {
    found.push_back("maxmemory-policy is " + settings["maxmemory-policy"] +
                    ": Redis may drop leases of jobs that run, which are then run again; set it to"
                    " noeviction");
  }
  if (has_replicas &&
      (settings["min-replicas-to-write"] == "0" || settings["min-replicas-max-lag"] == "0")) {
    found.emplace_back(
        "min-replicas-to-write is 0 beside replicas: a master that is cut off from them goes on"
        " handing out jobs that the promoted one hands out, too; set it to 1, with"
        " min-replicas-max-lag 10");
  }
  co_return found;
}

boost::asio::awaitable<void> ServerLine::follow() {
  const auto self = shared_from_this();
  while (client_) {
    auto connecting = client_->connected(now() + kLook);
    const auto server = co_await std::move(connecting);
    if (!server && server.error().code() == Errc::cancelled) co_return;
    if (!server) continue;
    if (!open_ || server->connection != connection_) {
      auto asking = ask(scripts_.peek, "peek", Arguments());
      (void)co_await std::move(asking);
    }
    if (open_ && each_second_) each_second_();
    if (co_await look_.wait_until(now() + kLook) == Wake::cancelled) co_return;
  }
}

}  // namespace rwp::jobs_tiered
