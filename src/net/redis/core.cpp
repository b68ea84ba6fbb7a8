#include "net/redis/core.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

namespace rwp::net_redis {
namespace {

constexpr std::size_t kMaxCommands = 10'000;
constexpr unsigned kScriptAttempts = 4;

SteadyTime now() { return std::chrono::steady_clock::now(); }

using Outcome = ClientSeries::Outcome;

Outcome outcome_of(const Error& problem) {
  if (problem.code() == Errc::deadline_exceeded) return Outcome::timed_out;
  return problem.code() == Errc::cancelled ? Outcome::cancelled : Outcome::failed;
}

/// EVALSHA, or EVAL with the source itself.
Command script_command(const Script& script, bool with_source, const std::vector<std::string>& keys,
                       const std::vector<std::string>& arguments) {
  Command made(with_source ? "EVAL" : "EVALSHA");
  made.add(with_source ? script.source() : script.digest()).add(keys.size());
  for (const std::string& key : keys) made.add(key);
  for (const std::string& argument : arguments) made.add(argument);
  return made;
}

/// The new address in "NAME OLD-HOST OLD-PORT NEW-HOST NEW-PORT", when it is about `name`.
std::optional<Endpoint> switched_master(const std::string& message, const std::string& name) {
  std::vector<std::string> words(1);
  for (const char c : message) {
    if (c == ' ') {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  if (words.size() != 5 || words[0] != name) return std::nullopt;
  Endpoint endpoint;
  endpoint.host = words[3];
  const std::string& port = words[4];
  const auto [end, problem] =
      std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
  if (problem != std::errc() || end != port.data() + port.size()) return std::nullopt;
  return endpoint;
}

}  // namespace

Client::Core::Core(Runtime& runtime, std::shared_ptr<Dialer> dialer)
    : runtime_(runtime),
      dialer_(std::move(dialer)),
      options_(dialer_->options()),
      series_(options_.metrics, options_.use),
      log_(options_.log.with({{"redis", options_.use}})),
      pipeline_(std::make_shared<Pipeline>(Pipeline::Limits{
          .max_pending = options_.max_pending, .max_pending_bytes = options_.max_pending_bytes})) {}

void Client::Core::start() {
  if (closed_) return;
  auto self = shared_from_this();
  // Ends by being cancelled; anything else it throws is a defect or no memory.
  auto ended = [self](std::exception_ptr thrown) {
    if (!thrown || self->closed_) return;
    self->log_.error("redis client ended", {{"error", detail::from_exception(thrown)}});
    self->close();
  };
  task_ = Task(runtime_.executor(), keep_connected(), std::move(ended));
  if (!options_.sentinels.empty()) follow_sentinels();
}

void Client::Core::close() {
  if (closed_) return;
  closed_ = true;
  const Error why(Errc::cancelled, "redis: the client was closed");
  trouble_ = why;
  if (link_) link_->close(why);
  if (sentinels_) sentinels_->close();
  pipeline_->lose(why);
  pipeline_->fail_waiting(why);
  changed_.notify_all();
  task_.cancel();
}

boost::asio::awaitable<void> Client::Core::keep_connected() {
  const auto self = shared_from_this();
  Backoff backoff(options_.first_wait, options_.longest_wait);
  bool told = false;
  while (!closed_) {
    auto dialling = dialer_->dial();
    auto session = co_await std::move(dialling);
    if (closed_) co_return;
    const SteadyTime began = now();
    if (session) {
      told = false;
      series_.connected(connections_ == 0 ? ClientSeries::Connect::first
                                          : ClientSeries::Connect::again);
      auto serving = serve(std::move(*session));
      trouble_ = co_await std::move(serving);
      if (closed_) co_return;
      log_.warn("redis connection lost", {{"error", *trouble_}});
    } else {
      series_.connected(ClientSeries::Connect::failed);
      trouble_ = session.error();
      // Once an outage is enough for people.
      const auto level = std::exchange(told, true) ? observability::LogLevel::debug
                                                   : observability::LogLevel::warn;
      log_.log(level, "no redis connection", {{"error", *trouble_}});
      // Waiting does not help against a refused password.
      if (!trouble_->retryable()) pipeline_->fail_waiting(*trouble_);
    }
    changed_.notify_all();
    auto waiting = sleep_for(backoff.after(now() - began));
    (void)co_await std::move(waiting);
  }
}

boost::asio::awaitable<Error> Client::Core::serve(Session session) {
  session.server.connection = ++connections_;
  log_.info("redis connected", {{"server", session.server.endpoint.to_string()},
                                {"run_id", session.server.run_id},
                                {"version", session.server.version}});
  link_ =
      std::make_shared<Link>(runtime_.executor(), std::move(session), pipeline_, series_, options_);
  trouble_.reset();
  changed_.notify_all();
  auto serving = link_->serve();
  const Error why = co_await std::move(serving);
  link_.reset();
  pipeline_->lose(why);
  co_return why;
}

void Client::Core::follow_sentinels() {
  std::weak_ptr<Core> weak = weak_from_this();
  SubscriptionHandlers handlers;
  handlers.on_message = [weak](const std::string&, const std::string& message) {
    const auto core = weak.lock();
    if (!core) return;
    const auto master = switched_master(message, core->options_.master_name);
    if (master) core->leave_for(*master);
  };
  handlers.on_subscribed = [weak] {
    // A switch may have gone by unheard.
    if (const auto core = weak.lock()) {
      spawn(core->runtime_.executor(), core->ask_sentinels_again(), [](std::exception_ptr) {});
    }
  };
  auto dial = [dialer = dialer_] { return dialer->dial_sentinel(); };
  sentinels_ = std::make_shared<Subscription>(runtime_.executor(), std::move(dial), options_,
                                              std::move(handlers));
  sentinels_->add("+switch-master");
  sentinels_->start();
}

boost::asio::awaitable<void> Client::Core::ask_sentinels_again() {
  const auto self = shared_from_this();
  auto finding = dialer_->find_master(now() + options_.connect_timeout);
  const auto master = co_await std::move(finding);
  if (master) leave_for(*master);
}

void Client::Core::leave_for(const Endpoint& master) {
  if (!link_ || link_->server().endpoint == master) return;
  link_->close(Error(Errc::unavailable, "redis: the master is now " + master.to_string()));
}

std::optional<Server> Client::Core::server() const {
  return link_ ? std::optional<Server>(link_->server()) : std::nullopt;
}

boost::asio::awaitable<Result<Server>> Client::Core::connected(SteadyTime deadline) {
  const auto self = shared_from_this();
  while (!link_) {
    if (closed_) co_return *trouble_;
    const Wake wake = co_await changed_.wait_until(deadline);
    if (wake == Wake::cancelled) co_return Error(Errc::cancelled, "the wait was cancelled");
    if (wake == Wake::timed_out && !link_) co_return not_connected();
  }
  co_return link_->server();
}

Error Client::Core::not_connected() const {
  Error problem(Errc::unavailable, "redis: no connection; not sent");
  if (!trouble_) return problem;
  // Of its own code, when a retry is of no use.
  return trouble_->retryable() ? problem.with_cause(*trouble_) : *trouble_;
}

/// Why a call is not even begun.
std::optional<Error> Client::Core::refusal(const CallOptions& options) const {
  if (closed_) return trouble_;
  if (options.only_on != 0 && (!link_ || link_->server().connection != options.only_on)) {
    return Error(Errc::unavailable, "redis: the connection of this call is gone; not sent");
  }
  if (link_) return std::nullopt;
  const bool hopeless = trouble_ && !trouble_->retryable();
  if (hopeless || !options.wait_for_connection) return not_connected();
  return std::nullopt;
}

Error Client::Core::gave_up(const Call& call, Wake wake) const {
  const std::string name = "redis: " + call.name;
  if (wake == Wake::cancelled) {
    return Error(Errc::cancelled, name + (call.sent ? ": cancelled; the outcome is unknown"
                                                    : ": cancelled before it was sent"));
  }
  if (call.sent) {
    return Error(Errc::deadline_exceeded, name + ": no answer in time; the outcome is unknown");
  }
  if (!link_) return not_connected();
  return Error(Errc::deadline_exceeded, name + ": not sent in time");
}

boost::asio::awaitable<Result<std::vector<Reply>>> Client::Core::exchange(
    std::vector<Command> commands, CallOptions options) {
  const auto self = shared_from_this();
  if (commands.empty() || commands.size() > kMaxCommands) {
    co_return Error(Errc::invalid_argument, "redis: 1 to 10,000 commands are sent together");
  }
  if (auto refused = refusal(options)) {
    series_.ended(outcome_of(*refused));
    co_return *refused;
  }
  const auto call = std::make_shared<Call>();
  call->name = commands.front().name();
  call->commands = commands.size();
  for (const Command& each : commands) each.encode_to(call->bytes);
  call->replies.reserve(call->commands);
  call->repeatable = options.repeatable;
  call->only_on = options.only_on;
  call->waits = options.wait_for_connection;
  call->began = now();
  const auto timeout = options.timeout.count() > 0 ? options.timeout : options_.command_timeout;
  if (auto added = pipeline_->add(call); !added) {
    series_.ended(Outcome::failed);
    co_return added.error();
  }
  if (link_) link_->wake();
  while (!call->done) {
    const Wake wake = co_await call->ended.wait_until(call->began + timeout);
    if (call->done || wake == Wake::notified) continue;
    pipeline_->abandon(call);
    const Error problem = gave_up(*call, wake);
    series_.ended(outcome_of(problem));
    co_return problem;
  }
  if (call->failure) {
    series_.ended(outcome_of(*call->failure));
    co_return *call->failure;
  }
  const bool refused = std::any_of(call->replies.begin(), call->replies.end(),
                                   [](const Reply& reply) { return reply.is_error(); });
  series_.ended(refused ? Outcome::error : Outcome::answered);
  co_return std::move(call->replies);
}

boost::asio::awaitable<Result<Reply>> Client::Core::call(Command command, CallOptions options) {
  const std::string name(command.name());
  std::vector<Command> commands;
  commands.push_back(std::move(command));
  auto exchanging = exchange(std::move(commands), options);
  auto replies = co_await std::move(exchanging);
  if (!replies) co_return replies.error();
  if (replies->front().is_error()) co_return to_error(replies->front(), name);
  co_return std::move(replies->front());
}

boost::asio::awaitable<Result<Reply>> Client::Core::run(std::shared_ptr<const Script> script,
                                                        std::vector<std::string> keys,
                                                        std::vector<std::string> arguments,
                                                        CallOptions options) {
  const auto self = shared_from_this();
  const auto timeout = options.timeout.count() > 0 ? options.timeout : options_.command_timeout;
  const SteadyTime deadline = now() + timeout;
  Error last;
  bool with_source = false;
  for (unsigned attempt = 0; attempt < kScriptAttempts; ++attempt) {
    std::vector<Command> commands;
    commands.push_back(script_command(*script, with_source, keys, arguments));
    if (with_source) {
      series_.loaded_script();
      ++loads_[script->digest()];
    }
    const std::uint64_t before = loads_[script->digest()];
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now());
    options.timeout = std::max(left, std::chrono::milliseconds(1));
    auto exchanging = exchange(std::move(commands), options);
    auto replies = co_await std::move(exchanging);
    if (!replies) co_return replies.error();
    Reply& reply = replies->front();
    if (!reply.is_error()) co_return std::move(reply);
    last = to_error(reply, "EVALSHA");
    if (answer_error(reply) != AnswerError::no_script) co_return last;
    // Nothing has run. The first to be told sends the source; for the others the digest is enough,
    // as their commands now come after it.
    with_source = loads_[script->digest()] == before;
  }
  co_return last.with_retryable(true);
}

}  // namespace rwp::net_redis
