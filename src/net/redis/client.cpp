#include "net/redis/client.hpp"

#include "net/redis/core.hpp"

#include <utility>

namespace rwp::net_redis {

Result<std::shared_ptr<Client>> Client::make(Runtime& runtime, ClientOptions options) {
  auto dialer = Dialer::make(runtime, std::move(options));
  if (!dialer) return dialer.error();
  auto core = std::make_shared<Core>(runtime, std::move(*dialer));
  post(runtime.executor(), [core] { core->start(); });
  return std::make_shared<Client>(runtime, std::move(core));
}

Client::Client(Runtime& runtime, std::shared_ptr<Core> core)
    : runtime_(runtime), core_(std::move(core)) {}

Client::~Client() {
  post(runtime_.executor(), [core = core_] { core->close(); });
}

boost::asio::awaitable<Result<Reply>> Client::call(Command command, CallOptions options) {
  return core_->call(std::move(command), options);
}

boost::asio::awaitable<Result<std::vector<Reply>>> Client::exchange(std::vector<Command> commands,
                                                                    CallOptions options) {
  return core_->exchange(std::move(commands), options);
}

boost::asio::awaitable<Result<Reply>> Client::run(std::shared_ptr<const Script> script,
                                                  std::vector<std::string> keys,
                                                  std::vector<std::string> arguments,
                                                  CallOptions options) {
  return core_->run(std::move(script), std::move(keys), std::move(arguments), options);
}

std::optional<Server> Client::server() const { return core_->server(); }

boost::asio::awaitable<Result<Server>> Client::connected(SteadyTime deadline) {
  return core_->connected(deadline);
}

std::optional<Error> Client::trouble() const { return core_->trouble(); }

}  // namespace rwp::net_redis
