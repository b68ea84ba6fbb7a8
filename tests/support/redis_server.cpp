#include "support/redis_server.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <netinet/in.h>
#include <stdexcept>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace rwp::tests {
namespace {

constexpr std::chrono::seconds kStartPatience{60};

/// The server's program. Debian keeps it in redis-tools under another name, by which it is a tool
/// to check files; redis-server is a link to it, and a service that nobody here needs.
std::string program_link(const std::filesystem::path& directory) {
  if (std::system("command -v redis-server >/dev/null") == 0) return "redis-server";
  const std::filesystem::path link = directory / "redis-server";
  if (!std::filesystem::exists(link)) {
    std::filesystem::create_symlink("/usr/bin/redis-check-rdb", link);
  }
  return link.string();
}

bool accepts(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool connected =
      ::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  ::close(socket);
  return connected;
}

}  // namespace

std::uint16_t free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(socket, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    ::close(socket);
    throw std::runtime_error("no free port");
  }
  ::close(socket);
  return ntohs(address.sin_port);
}

bool RedisServer::is_there() {
  return std::system("command -v redis-check-rdb redis-cli >/dev/null") == 0;
}

RedisServer::RedisServer(Options options) : RedisServer(Kind::plain, std::move(options)) {}

std::unique_ptr<RedisServer> RedisServer::with_tls(const Tls& tls) {
  Options options = {"--tls-cert-file",    tls.certificate_file,          "--tls-key-file",
                     tls.key_file,         "--tls-ca-cert-file",          tls.ca_file,
                     "--tls-auth-clients", tls.ask_clients ? "yes" : "no"};
  return std::unique_ptr<RedisServer>(new RedisServer(Kind::tls, std::move(options)));
}

std::unique_ptr<RedisServer> RedisServer::sentinel(std::uint16_t master_port) {
  return std::unique_ptr<RedisServer>(
      new RedisServer(Kind::sentinel, {std::to_string(master_port)}));
}

RedisServer::RedisServer(Kind kind, Options options) : options_(std::move(options)), kind_(kind) {
  start_on_a_free_port();
}

void RedisServer::start_on_a_free_port() {
  // Another process may take a port between the look and the start.
  for (int attempt = 0; attempt < 5; ++attempt) {
    port_ = free_port();
    try {
      start();
      return;
    } catch (const std::runtime_error&) {
      process_.reset();
    }
  }
  throw std::runtime_error("redis-server does not come up");
}

void RedisServer::start() {
  const std::string directory = directory_.path().string();
  std::vector<std::string> command = {program_link(directory_.path())};
  if (kind_ == Kind::sentinel) {
    const std::string file = directory + "/sentinel.conf";
    if (!std::filesystem::exists(file)) {
      std::ofstream(file) << "port " << port_ << "\nbind 127.0.0.1\ndir " << directory
                          << "\nlogfile sentinel.log\nsentinel monitor mymaster 127.0.0.1 "
                          << options_.front()
                          << " 2\nsentinel down-after-milliseconds mymaster 500\n"
                             "sentinel failover-timeout mymaster 5000\n";
    }
    command.insert(command.end(), {file, "--sentinel"});
  } else {
    const std::string port = std::to_string(port_);
    command.insert(command.end(),
                   {"--bind", "127.0.0.1", "--dir", directory, "--logfile", "redis.log",
                    "--unixsocket", socket_path(), "--port", kind_ == Kind::tls ? "0" : port,
                    "--tls-port", kind_ == Kind::tls ? port : "0", "--save", ""});
    command.insert(command.end(), options_.begin(), options_.end());
  }
  process_ = std::make_unique<ChildProcess>(command);
  const auto deadline = std::chrono::steady_clock::now() + kStartPatience;
  // It listens before it has looked at all that may keep it from serving.
  while (!accepts(port_) || (kind_ != Kind::tls && cli("PING").starts_with("Could not"))) {
    if (!process_->is_running() || std::chrono::steady_clock::now() > deadline) {
      throw std::runtime_error("redis-server does not come up");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  // Another's server on this port would have made ours end.
  if (!process_->is_running()) throw std::runtime_error("not this server");
}

void RedisServer::stop() {
  process_->signal(SIGTERM);
  process_->wait();
}

void RedisServer::kill() { process_->kill(); }
void RedisServer::pause() const { process_->signal(SIGSTOP); }
void RedisServer::resume() const { process_->signal(SIGCONT); }

std::string RedisServer::cli(const std::string& command) const {
  const std::string line = "redis-cli -p " + std::to_string(port_) + " " + command + " 2>&1";
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(line.c_str(), "r"), &::pclose);
  if (!pipe) throw std::runtime_error("no redis-cli");
  std::string output;
  std::array<char, 4096> bytes{};
  while (const std::size_t count = std::fread(bytes.data(), 1, bytes.size(), pipe.get())) {
    output.append(bytes.data(), count);
  }
  while (output.ends_with('\n')) output.pop_back();
  return output;
}

}  // namespace rwp::tests
