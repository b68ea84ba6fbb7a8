#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <sys/types.h>
#include <vector>

namespace rwp::tests {

/// A program in the background; ended by SIGKILL with the object.
class ServerProcess {
 public:
  /// As the user `postgres` when this process is root, since PostgreSQL refuses to be root.
  explicit ServerProcess(std::vector<std::string> command);
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  void signal(int number) const;
  /// Waits for its end.
  void wait();
  bool is_running();
  pid_t id() const { return process_; }

 private:
  pid_t process_ = -1;
};

/// Runs a command to its end, as ServerProcess does; throws when it fails.
void run_as_server_user(std::vector<std::string> command);
/// Gives the path to the user that the servers run as.
void give_to_server_user(const std::filesystem::path& path);

/// A PostgreSQL server of this test's own: on a free port on loopback, fsync on, every local role
/// trusted. The superuser is "rwp".
class PostgresServer {
 public:
  struct Options {
    std::vector<std::string> settings{};
    /// Where its files lie; empty: in a new folder under the system's temporary one.
    std::filesystem::path parent{};
    /// The connection string of a server to follow as a standby; empty: a server of its own.
    std::string primary{};
  };
  PostgresServer() : PostgresServer(Options()) {}
  explicit PostgresServer(Options options);
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  /// Whether the programs are installed here.
  static bool is_installed();

  int port() const { return port_; }
  std::string url(const std::string& database = "postgres", const std::string& user = "rwp") const;
  const std::filesystem::path& folder() const { return folder_; }

  void start();
  /// SIGINT: fast. SIGQUIT: immediate, as a crash. Waits for the end.
  void stop(int signal);
  void restart(int signal) {
    stop(signal);
    start();
  }
  /// Makes a standby the primary.
  void promote();

  /// Runs SQL by itself, several statements too; the first column of the first row as text. Throws
  /// when the server refuses.
  std::string execute(const std::string& sql, const std::string& database = "postgres") const;
  void create_database(const std::string& name) const;

 private:
  Options options_;
  std::filesystem::path folder_;
  int port_ = 0;
  std::unique_ptr<ServerProcess> process_;
};

/// PgBouncer in transaction mode before a server.
class PgBouncer {
 public:
  explicit PgBouncer(const PostgresServer& server);
  ~PgBouncer();
  static bool is_installed();
  std::string url(const std::string& database = "postgres") const;

 private:
  void start(const PostgresServer& server);

  std::filesystem::path folder_;
  int port_ = 0;
  std::unique_ptr<ServerProcess> process_;
};

}  // namespace rwp::tests
