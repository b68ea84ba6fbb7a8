#include "pods/pod_server.hpp"

#include "pods/listen_address.hpp"

#include <utility>

namespace rwp::pods {
namespace {

std::string shown_address(const std::string& listen, std::uint16_t port) {
  const auto address = parse_listen_address(listen);
  return address ? address->with_port(port) : listen;
}

}  // namespace

Result<std::unique_ptr<PodServer>> PodServer::start(const Configuration& configuration,
                                                    Parts parts) {
  std::unique_ptr<PodServer> pod(new PodServer());  // Its constructor is private.

  server::HealthOptions health;
  health.draining = [draining = pod->draining_] { return draining->load(); };
  health.dependencies = std::move(parts.dependencies);
  health.metrics = parts.metrics;
  server::Router health_router;
  const bool apart = !configuration.metrics_listen.empty();
  if (apart) {
    server::add_health_routes(health_router, health);
    // Load balancers ask where they send requests; the metrics are nobody's but the operator's.
    health.metrics = nullptr;
  }
  server::add_health_routes(parts.router, std::move(health));

  server::ServerOptions options;
  options.listen = configuration.listen;
  options.tls_certificate_file = configuration.tls_cert_file;
  options.tls_key_file = configuration.tls_key_file;
  auto proxies = server::AddressRanges::parse(configuration.trusted_proxies);
  if (!proxies) return proxies.error();
  auto cdn = server::AddressRanges::parse(configuration.trusted_cdn);
  if (!cdn) return cdn.error();
  options.trusted_proxies = std::move(*proxies);
  options.trusted_cdn = std::move(*cdn);
  options.proxy_protocol = configuration.proxy_protocol;
  options.drain_delay = configuration.drain_delay;
  options.drain_grace = configuration.drain_grace;
  options.log = parts.log;
  options.metrics = parts.metrics;
  options.spans = parts.spans;
  auto started = server::Server::start(parts.io, std::move(parts.router), options);
  if (!started) return started.error();
  pod->main_ = std::move(*started);
  pod->address_ = shown_address(configuration.listen, pod->main_->port());
  if (!apart) return pod;

  server::ServerOptions own;
  own.listen = configuration.metrics_listen;
  own.max_connections = 100;
  own.log = parts.log;
  std::vector<Runtime*> one{parts.io.front()};
  auto second = server::Server::start(std::move(one), std::move(health_router), own);
  if (!second) return second.error();
  pod->health_ = std::move(*second);
  pod->address_ +=
      ", metrics on " + shown_address(configuration.metrics_listen, pod->health_->port());
  return pod;
}

void PodServer::drain() {
  draining_->store(true);
  main_->drain();
}

bool PodServer::wait_drained(SteadyTime deadline) {
  return main_->wait_stopped(deadline).has_value();
}

}  // namespace rwp::pods
