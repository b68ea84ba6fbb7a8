#include "support/cutting_proxy.hpp"

#include <arpa/inet.h>
#include <array>
#include <list>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace rwp::tests {
namespace {

sockaddr_in loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<in_port_t>(port));
  return address;
}

struct Pair {
  int client = -1;
  int server = -1;
  std::size_t passed = 0;
  void close() {
    ::close(client);
    ::close(server);
    client = server = -1;
  }
};

/// Passes what has come on; the bytes, 0 at the end.
std::size_t pass(int from, int to) {
  std::array<char, 65536> bytes{};
  const ssize_t count = ::recv(from, bytes.data(), bytes.size(), 0);
  for (ssize_t sent = 0; sent < count;) {
    const ssize_t some =
        ::send(to, bytes.data() + sent, static_cast<std::size_t>(count - sent), MSG_NOSIGNAL);
    if (some <= 0) return 0;
    sent += some;
  }
  return count > 0 ? static_cast<std::size_t>(count) : 0;
}

}  // namespace

CuttingProxy::CuttingProxy(int server_port)
    : server_port_(server_port), listener_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener_, 64) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("no port for the proxy");
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

CuttingProxy::~CuttingProxy() {
  stop_ = true;
  thread_.join();
  ::close(listener_);
}

void CuttingProxy::look_for(std::string bytes) {
  const std::lock_guard lock(looked_for_mutex_);
  looked_for_ = std::move(bytes);
  has_held_ = false;
}

void CuttingProxy::look_at_held(int client) {
  const std::lock_guard lock(looked_for_mutex_);
  if (looked_for_.empty() || has_held_) return;
  std::array<char, 65536> bytes{};
  const ssize_t count = ::recv(client, bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
  if (count <= 0) return;
  has_held_ = std::string_view(bytes.data(), static_cast<std::size_t>(count)).find(looked_for_) !=
              std::string_view::npos;
}

void CuttingProxy::run() {
  std::list<Pair> pairs;
  std::vector<int> without_client;
  while (!stop_) {
    if (drop_clients_.exchange(false)) {
      for (const Pair& pair : pairs) {
        ::close(pair.client);
        without_client.push_back(pair.server);
      }
      pairs.clear();
    }
    std::vector<pollfd> waiting{{.fd = listener_, .events = POLLIN, .revents = 0}};
    const bool held = hold_;
    for (const Pair& pair : pairs) {
      if (held) look_at_held(pair.client);
      // One below zero is passed over.
      waiting.push_back({.fd = held ? -1 : pair.client, .events = POLLIN, .revents = 0});
      waiting.push_back({.fd = pair.server, .events = POLLIN, .revents = 0});
    }
    if (poll(waiting.data(), waiting.size(), 20) <= 0) continue;
    std::size_t at = 1;
    for (Pair& pair : pairs) {
      const bool asks = waiting[at].revents != 0;
      const bool answers = waiting[at + 1].revents != 0;
      at += 2;
      bool broken = false;
      if (answers && pair.passed > 0 && answers_to_lose_ > 0) {
        broken = --answers_to_lose_ == 0;
      }
      for (const auto& [ready, from, to] :
           {std::tuple(asks, pair.client, pair.server), {answers, pair.server, pair.client}}) {
        if (broken || !ready) continue;
        const std::size_t passed = pass(from, to);
        pair.passed += passed;
        broken = passed == 0;
      }
      const std::size_t most = cut_after_;
      if (most > 0 && pair.passed > most) broken = true;
      if (!broken) continue;
      ++cuts_;
      pair.close();
    }
    pairs.remove_if([](const Pair& pair) { return pair.client < 0; });
    if (waiting[0].revents != 0) {
      Pair pair{.client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC),
                .server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
      const sockaddr_in address = loopback(server_port_);
      if (connect(pair.server, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
        pairs.push_back(pair);
      } else {
        pair.close();
      }
    }
  }
  for (Pair& pair : pairs) pair.close();
  for (const int server : without_client) ::close(server);
}

}  // namespace rwp::tests
