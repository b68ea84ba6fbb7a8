#include "server/listener.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <sys/socket.h>
#include <utility>

namespace rwp::server {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

error_code open_acceptor(tcp::acceptor& acceptor, const tcp::endpoint& endpoint, bool reuse_port) {
  error_code problem;
  acceptor.open(endpoint.protocol(), problem);
  if (!problem) acceptor.set_option(tcp::acceptor::reuse_address(true), problem);
  if (!problem && reuse_port) acceptor.set_option(ReusePort(true), problem);
  if (!problem && endpoint.protocol() == tcp::v6()) {
    acceptor.set_option(asio::ip::v6_only(!endpoint.address().is_unspecified()), problem);
  }
  if (!problem) acceptor.bind(endpoint, problem);
  if (!problem) acceptor.listen(asio::socket_base::max_listen_connections, problem);
  if (!problem) acceptor.non_blocking(true, problem);
  if (problem) {
    error_code ignored;
    acceptor.close(ignored);
  }
  return problem;
}

Error cannot_listen(const ListenAddress& address, const error_code& problem) {
  const bool v6 = address.host.find(':') != std::string::npos;
  const std::string name =
      (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
  if (problem == asio::error::address_in_use) {
    return Error(Errc::unavailable, "cannot listen on " + name + ": the address is in use");
  }
  return Error(Errc::unavailable, "cannot listen on " + name + ": " + problem.message());
}

}  // namespace

struct Listener::Impl {
  Impl(const asio::any_io_executor& executor, asio::ssl::context* with_tls)
      : acceptor(executor), tls(with_tls) {}
  tcp::acceptor acceptor;
  asio::ssl::context* tls;
};

Listener::Listener(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Listener::~Listener() = default;

std::uint16_t Listener::port() const noexcept {
  error_code ignored;
  return impl_->acceptor.local_endpoint(ignored).port();
}

asio::awaitable<Result<std::unique_ptr<Stream>>> Listener::accept() {
  error_code problem;
  tcp::socket socket =
      co_await impl_->acceptor.async_accept(asio::redirect_error(asio::use_awaitable, problem));
  if (!problem) co_return make_stream(std::move(socket), impl_->tls);
  if (problem == asio::error::operation_aborted || !impl_->acceptor.is_open()) {
    co_return Error(Errc::cancelled, "the listening socket is closed");
  }
  co_return Error(Errc::unavailable, "cannot accept a connection: " + problem.message());
}

std::unique_ptr<Stream> Listener::accept_now() {
  error_code problem;
  tcp::socket socket = impl_->acceptor.accept(problem);
  return problem ? nullptr : make_stream(std::move(socket), impl_->tls);
}

void Listener::close() {
  error_code ignored;
  impl_->acceptor.close(ignored);
}

Result<std::vector<std::unique_ptr<Listener>>> listen_on(
    const ListenAddress& address, const std::vector<asio::any_io_executor>& executors,
    asio::ssl::context* tls) {
  error_code problem;
  tcp::endpoint endpoint(tcp::v6(), address.port);
  if (!address.host.empty()) {
    endpoint.address(asio::ip::make_address(address.host, problem));
    if (problem) {
      return Error(Errc::invalid_argument,
                   "listen address \"" + address.host + "\" is no IPv4 or IPv6 address");
    }
  }
  const bool several = executors.size() > 1;
  if (several && address.port != 0) {
    // Sockets that share a port by SO_REUSEPORT also share it with another process of this user,
    // which would go unnoticed; one that does not share it finds out.
    tcp::acceptor probe(executors.front());
    problem = open_acceptor(probe, endpoint, false);
    if (problem == asio::error::address_in_use) return cannot_listen(address, problem);
  }
  std::vector<std::unique_ptr<Listener>> listeners;
  for (const auto& executor : executors) {
    auto impl = std::make_unique<Listener::Impl>(executor, tls);
    problem = open_acceptor(impl->acceptor, endpoint, several);
    if (problem == asio::error::address_family_not_supported && address.host.empty()) {
      // A machine without IPv6.
      endpoint = tcp::endpoint(tcp::v4(), endpoint.port());
      problem = open_acceptor(impl->acceptor, endpoint, several);
    }
    if (problem) return cannot_listen(address, problem);
    listeners.push_back(std::make_unique<Listener>(std::move(impl)));
    endpoint.port(listeners.front()->port());
  }
  return listeners;
}

}  // namespace rwp::server
