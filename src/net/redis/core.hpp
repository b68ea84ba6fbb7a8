#pragma once

#include "net/redis/backoff.hpp"
#include "net/redis/client.hpp"
#include "net/redis/link.hpp"
#include "net/redis/subscription.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace rwp::net_redis {

/// What a Client is, kept by its coroutines: the pipeline, and the connection that is made anew.
class Client::Core : public std::enable_shared_from_this<Client::Core> {
 public:
  Core(Runtime& runtime, std::shared_ptr<Dialer> dialer);

  void start();
  void close();

  boost::asio::awaitable<Result<std::vector<Reply>>> exchange(std::vector<Command> commands,
                                                              CallOptions options);
  boost::asio::awaitable<Result<Reply>> call(Command command, CallOptions options);
  boost::asio::awaitable<Result<Reply>> run(std::shared_ptr<const Script> script,
                                            std::vector<std::string> keys,
                                            std::vector<std::string> arguments,
                                            CallOptions options);
  boost::asio::awaitable<Result<Server>> connected(SteadyTime deadline);

  std::optional<Server> server() const;
  const std::optional<Error>& trouble() const noexcept { return trouble_; }

 private:
  boost::asio::awaitable<void> keep_connected();
  boost::asio::awaitable<Error> serve(Session session);
  /// Leaves a connection to another server than the one that Sentinels name.
  void leave_for(const Endpoint& master);
  void follow_sentinels();
  boost::asio::awaitable<void> ask_sentinels_again();

  std::optional<Error> refusal(const CallOptions& options) const;
  Error not_connected() const;
  Error gave_up(const Call& call, Wake wake) const;

  Runtime& runtime_;
  const std::shared_ptr<Dialer> dialer_;
  const ClientOptions& options_;
  const ClientSeries series_;
  const observability::Logger log_;
  const std::shared_ptr<Pipeline> pipeline_;
  std::shared_ptr<Link> link_;
  std::shared_ptr<Subscription> sentinels_;
  std::optional<Error> trouble_;
  std::uint64_t connections_ = 0;
  /// By digest, how often a script's source was sent.
  std::unordered_map<std::string, std::uint64_t> loads_;
  Signal changed_;
  Task task_;
  bool closed_ = false;
};

}  // namespace rwp::net_redis
