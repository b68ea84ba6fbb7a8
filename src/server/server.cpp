#include "server/listen_address.hpp"
#include "server/listener.hpp"
#include "server/shard.hpp"
#include "server/tls_context.hpp"
#include <rwp/server/server.hpp>

#include <cassert>
#include <utility>

namespace rwp::server {

struct Server::Impl {
  std::shared_ptr<ServerState> state;
  std::shared_ptr<EndOfShards> end = std::make_shared<EndOfShards>();
  std::vector<std::shared_ptr<Shard>> shards;
  std::uint16_t port = 0;
  std::atomic<bool> draining{false};
};

Result<std::unique_ptr<Server>> Server::start(std::vector<Runtime*> runtimes, Router router,
                                              ServerOptions options) {
  assert(!runtimes.empty() && "a server runs on at least one runtime");
  auto address = parse_listen_address(options.listen);
  if (!address) return address.error();
  auto state = std::make_shared<ServerState>();
  if (options.tls_certificate_file.empty() != options.tls_key_file.empty()) {
    return Error(Errc::invalid_argument, "TLS needs both a certificate file and a key file");
  }
  if (!options.tls_certificate_file.empty()) {
    auto tls = make_tls_context(options.tls_certificate_file, options.tls_key_file);
    if (!tls) return tls.error();
    state->tls = std::move(*tls);
  }
  std::vector<boost::asio::any_io_executor> executors;
  executors.reserve(runtimes.size());
  for (const Runtime* runtime : runtimes) executors.push_back(runtime->executor());
  auto listeners = listen_on(*address, executors, state->tls.get());
  if (!listeners) return listeners.error();

  state->options = std::move(options);
  state->router = std::move(router);
  auto impl = std::make_shared<Impl>();
  impl->port = listeners->front()->port();
  impl->end->left = runtimes.size();
  for (std::size_t i = 0; i < runtimes.size(); ++i) {
    impl->shards.push_back(
        std::make_shared<Shard>(state, impl->end, executors[i], std::move((*listeners)[i])));
  }
  for (const auto& shard : impl->shards) shard->start();
  state->options.log.info(
      "http server listens",
      {{"port", impl->port}, {"threads", runtimes.size()}, {"tls", state->tls != nullptr}});
  impl->state = std::move(state);
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Server::~Server() {
  drain();
  drain();
  (void)wait_stopped();
}

std::uint16_t Server::port() const noexcept { return impl_->port; }
bool Server::draining() const noexcept { return impl_->draining; }

void Server::drain() {
  impl_->draining = true;
  for (const auto& shard : impl_->shards) shard->drain();
}

Result<void> Server::wait_stopped(SteadyTime deadline) {
  EndOfShards& end = *impl_->end;
  std::unique_lock lock(end.mutex);
  const auto ended = [&end] { return end.left == 0; };
  if (deadline == SteadyTime::max()) {
    end.changed.wait(lock, ended);
  } else if (!end.changed.wait_until(lock, deadline, ended)) {
    return Error(Errc::deadline_exceeded, "the server still has requests in flight");
  }
  return Result<void>();
}

}  // namespace rwp::server
