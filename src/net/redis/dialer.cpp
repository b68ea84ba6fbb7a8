#include "net/redis/dialer.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>
#include <vector>

namespace rwp::net_redis {
namespace {

Command auth_command(const Credentials& credentials) {
  Command auth("AUTH");
  if (!credentials.user.empty()) auth.add(credentials.user);
  auth.add(credentials.password.expose());
  return auth;
}

/// What the server says of AUTH may repeat the password, so its code alone is told.
Error auth_error(const Reply& reply) {
  const Errc code = to_error(reply, "AUTH").code();
  if (code == Errc::unavailable) return Error(code, "redis: AUTH: not now");
  return Error(Errc::unauthenticated, "redis: AUTH: the user or the password was refused");
}

/// The value of a line "name:value" of INFO.
std::string info_value(std::string_view info, const std::string& name) {
  const std::string wanted = "\n" + name + ":";
  const std::size_t found = info.find(wanted);
  if (found == std::string_view::npos) return {};
  const std::string_view value = info.substr(found + wanted.size());
  return std::string(value.substr(0, value.find_first_of("\r\n")));
}

/// 40 hexadecimal digits.
bool is_run_id(std::string_view text) {
  return text.size() == 40 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// What is shown of a version, whatever the server says.
std::string shown_version(std::string text) {
  constexpr std::size_t kLongest = 32;
  if (text.size() > kLongest) text.resize(kLongest);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c <= ' ' || c > '~'; }, '?');
  return text;
}

/// Errors of time are of the connection: what it was for had not been sent.
Error as_unavailable(Error problem, const std::string& context) {
  if (problem.code() == Errc::deadline_exceeded) {
    problem = Error(Errc::unavailable, "no connection in time");
  }
  return problem.with_context(context);
}

}  // namespace

Dialer::Dialer(Runtime& runtime, ClientOptions options, std::shared_ptr<TlsContext> tls)
    : runtime_(runtime), options_(std::move(options)), tls_(std::move(tls)) {}

Result<std::shared_ptr<Dialer>> Dialer::make(Runtime& runtime, ClientOptions options) {
  std::shared_ptr<TlsContext> tls;
  if (options.tls.enabled) {
    auto made = make_tls_context(options.tls);
    if (!made) return made.error();
    tls = std::move(*made);
  }
  return std::make_shared<Dialer>(runtime, std::move(options), std::move(tls));
}

boost::asio::awaitable<Result<Session>> Dialer::dial() {
  const auto deadline = std::chrono::steady_clock::now() + options_.connect_timeout;
  auto dialling = with_deadline(dial_by(deadline), deadline);
  auto dialled = co_await std::move(dialling);
  if (dialled || dialled.error().code() != Errc::deadline_exceeded) co_return dialled;
  co_return as_unavailable(dialled.error(), "redis: " + options_.endpoint.to_string());
}

boost::asio::awaitable<Result<Session>> Dialer::dial_by(SteadyTime deadline) {
  Endpoint endpoint = options_.endpoint;
  if (!options_.sentinels.empty()) {
    auto finding = find_master(deadline);
    auto found = co_await std::move(finding);
    if (!found) co_return found.error();
    endpoint = std::move(*found);
  }
  // Until it has greeted: the Sentinel that named a server which cannot be used may be behind the
  // times, so that another is asked next, also when this attempt is cut off by its deadline.
  const std::size_t asked = first_sentinel_;
  if (options_.sentinels.size() > 1) first_sentinel_ = (asked + 1) % options_.sentinels.size();
  auto connecting = connect(runtime_, endpoint, tls_, deadline);
  auto stream = co_await std::move(connecting);
  if (!stream) co_return stream.error();
  auto greeting = greet(std::move(*stream), endpoint);
  auto greeted = co_await std::move(greeting);
  if (greeted) first_sentinel_ = asked;
  co_return greeted;
}

boost::asio::awaitable<Result<Session>> Dialer::greet(std::unique_ptr<Stream> stream,
                                                      Endpoint endpoint) {
  Session session;
  session.wire = std::make_unique<Wire>(std::move(stream));
  session.server.endpoint = std::move(endpoint);
  std::vector<Command> commands;
  const bool has_password = !options_.credentials.password.empty();
  if (has_password) commands.push_back(auth_command(options_.credentials));
  commands.push_back(command("ROLE"));
  commands.push_back(command("INFO", "server"));
  commands.push_back(command("PING"));
  commands.push_back(command("CLIENT", "SETNAME", options_.client_name));
  if (options_.database != 0) commands.push_back(command("SELECT", options_.database));
  std::vector<std::string> names;
  names.reserve(commands.size());
  for (const Command& each : commands) names.emplace_back(each.name());

  auto asking = session.wire->ask(std::move(commands));
  auto answers = co_await std::move(asking);
  const std::string where = "redis: " + session.server.endpoint.to_string();
  if (!answers) co_return answers.error().with_context(where);
  for (std::size_t i = 0; i < answers->size(); ++i) {
    const Reply& answer = (*answers)[i];
    // A name is a help for people, and an ACL may refuse it.
    if (!answer.is_error() || names[i] == "CLIENT") continue;
    if (names[i] == "AUTH") co_return auth_error(answer).with_context(where);
    co_return to_error(answer, names[i]).with_context(where);
  }
  const std::size_t first = has_password ? 1 : 0;
  const Reply& role = (*answers)[first];
  if (!role.is_array() || role.items.empty() || role.items.front().text != "master") {
    co_return Error(Errc::unavailable, where + " is not a master now");
  }
  const std::string& info = (*answers)[first + 1].text;
  session.server.run_id = info_value(info, "run_id");
  session.server.version = shown_version(info_value(info, "redis_version"));
  if (!is_run_id(session.server.run_id)) {
    co_return Error(Errc::corrupt, where + " does not name its run_id");
  }
  co_return session;
}

boost::asio::awaitable<Result<Endpoint>> Dialer::find_master(SteadyTime deadline) {
  auto asking = ask_sentinels(deadline);
  auto answer = co_await std::move(asking);
  if (!answer) co_return answer.error();
  co_return std::move(answer->master);
}

boost::asio::awaitable<Result<Session>> Dialer::dial_sentinel() {
  auto asking = ask_sentinels(std::chrono::steady_clock::now() + options_.connect_timeout);
  auto answer = co_await std::move(asking);
  if (!answer) co_return answer.error();
  co_return std::move(answer->session);
}

boost::asio::awaitable<Result<Dialer::SentinelAnswer>> Dialer::ask_sentinels(SteadyTime deadline) {
  const std::size_t count = options_.sentinels.size();
  Error last(Errc::unavailable, "redis: no Sentinel");
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t index = (first_sentinel_ + i) % count;
    // One share is left for the master itself.
    const auto now = std::chrono::steady_clock::now();
    const auto until = now + (deadline - now) / static_cast<int>(count - i + 1);
    auto asking = with_deadline(ask_sentinel(options_.sentinels[index], until), until);
    auto answer = co_await std::move(asking);
    if (answer) {
      first_sentinel_ = index;
      co_return std::move(*answer);
    }
    last = as_unavailable(answer.error(), "Sentinel " + options_.sentinels[index].to_string());
  }
  co_return last;
}

boost::asio::awaitable<Result<Dialer::SentinelAnswer>> Dialer::ask_sentinel(Endpoint sentinel,
                                                                            SteadyTime deadline) {
  auto connecting = connect(runtime_, sentinel, tls_, deadline);
  auto stream = co_await std::move(connecting);
  if (!stream) co_return stream.error();
  SentinelAnswer answer;
  answer.session.wire = std::make_unique<Wire>(std::move(*stream));
  answer.session.server.endpoint = std::move(sentinel);
  std::vector<Command> commands;
  const bool has_password = !options_.sentinel_credentials.password.empty();
  if (has_password) commands.push_back(auth_command(options_.sentinel_credentials));
  commands.push_back(command("SENTINEL", "get-master-addr-by-name", options_.master_name));
  auto asking = answer.session.wire->ask(std::move(commands));
  auto answers = co_await std::move(asking);
  if (!answers) co_return answers.error();
  if (has_password && answers->front().is_error()) co_return auth_error(answers->front());
  const Reply& master = answers->back();
  if (master.is_error()) co_return to_error(master, "SENTINEL");
  if (!master.is_array() || master.items.size() != 2) {
    co_return Error(Errc::unavailable, "it knows no master \"" + options_.master_name + "\"");
  }
  const std::string& port = master.items[1].text;
  answer.master.host = master.items[0].text;
  const auto [end, problem] =
      std::from_chars(port.data(), port.data() + port.size(), answer.master.port);
  if (problem != std::errc() || end != port.data() + port.size()) {
    co_return Error(Errc::corrupt, "the master's port is no number");
  }
  co_return answer;
}

}  // namespace rwp::net_redis
