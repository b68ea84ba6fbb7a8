#pragma once

#include "support/child_process.hpp"
#include "support/temporary_directory.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace rwp::tests {

/// A redis-server of a test's own, on a free loopback port, with its own directory. It keeps
/// nothing on disk unless an option says so.
class RedisServer {
 public:
  using Options = std::vector<std::string>;

  /// `options` as on redis-server's command line: {"--appendonly", "yes"}. Throws when it does not
  /// come up.
  explicit RedisServer(Options options = Options());
  /// Speaks TLS on its port, by these PEM files; clients need a certificate when `ask_clients`.
  struct Tls {
    std::string certificate_file{};
    std::string key_file{};
    std::string ca_file{};
    bool ask_clients = false;
  };
  static std::unique_ptr<RedisServer> with_tls(const Tls& tls);
  /// A Sentinel that watches the server on `master_port` as "mymaster"; two of three must find it
  /// down.
  static std::unique_ptr<RedisServer> sentinel(std::uint16_t master_port);

  /// Whether Redis is installed.
  static bool is_there();

  std::uint16_t port() const noexcept { return port_; }
  std::string host_and_port() const { return "127.0.0.1:" + std::to_string(port_); }
  std::string url() const { return "redis://" + host_and_port(); }
  std::string socket_path() const { return (directory_.path() / "socket").string(); }
  const std::filesystem::path& directory() const noexcept { return directory_.path(); }

  /// Ends it in order; what it is to keep is kept.
  void stop();
  /// kill -9.
  void kill();
  /// Starts it again, on the same port.
  void start();
  /// SIGSTOP and SIGCONT.
  void pause() const;
  void resume() const;

  /// Runs a command by redis-cli; its output, without the last line's end.
  std::string cli(const std::string& command) const;

 private:
  enum class Kind : std::uint8_t { plain, tls, sentinel };
  RedisServer(Kind kind, Options options);
  void start_on_a_free_port();

  TemporaryDirectory directory_;
  Options options_;
  std::uint16_t port_ = 0;
  Kind kind_ = Kind::plain;
  std::unique_ptr<ChildProcess> process_;
};

/// A port that was free a moment ago.
std::uint16_t free_port();

}  // namespace rwp::tests
