#include "support/postgres_server.hpp"

#include <array>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::seconds kPatience{60};
const std::filesystem::path kPrograms = "/usr/lib/postgresql/15/bin";

std::vector<std::string> as_server_user(std::vector<std::string> command, const char* death) {
  if (geteuid() != 0) return command;
  std::vector<std::string> whole = {"setpriv",
                                    "--reuid=postgres",
                                    "--regid=postgres",
                                    "--init-groups",
                                    std::string("--pdeathsig=") + death,
                                    "--"};
  whole.insert(whole.end(), command.begin(), command.end());
  return whole;
}

/// A port on loopback that nobody listens on now.
int find_free_port() {
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(probe, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    throw std::runtime_error("no free port");
  }
  close(probe);
  return ntohs(address.sin_port);
}

pid_t start_process(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t process = fork();
  if (process < 0) throw std::runtime_error("no process");
  if (process == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(nowhere, STDIN_FILENO);
    dup2(nowhere, STDOUT_FILENO);
    if (std::getenv("RWP_TEST_SERVER_LOG") == nullptr) dup2(nowhere, STDERR_FILENO);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  return process;
}

std::filesystem::path make_folder(const std::filesystem::path& parent) {
  const auto place = parent.empty() ? std::filesystem::temp_directory_path() : parent;
  std::string name = (place / "rwp-pg-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  give_to_server_user(name);
  return name;
}

/// A port that was free may be taken by another before the server has it.
template <class Start>
void start_on_free_port(int& port, Start start) {
  for (int tries = 1;; ++tries) {
    port = find_free_port();
    try {
      return start();
    } catch (const std::runtime_error&) {
      if (tries == 5) throw;
    }
  }
}

}  // namespace

ServerProcess::ServerProcess(std::vector<std::string> command)
    : process_(start_process(as_server_user(std::move(command), "QUIT"))) {}

ServerProcess::~ServerProcess() {
  signal(SIGKILL);
  wait();
}

void ServerProcess::signal(int number) const {
  if (process_ > 0) ::kill(process_, number);
}

void ServerProcess::wait() {
  if (process_ <= 0) return;
  int status = 0;
  waitpid(process_, &status, 0);
  process_ = -1;
}

bool ServerProcess::is_running() {
  if (process_ <= 0) return false;
  int status = 0;
  if (waitpid(process_, &status, WNOHANG) == 0) return true;
  process_ = -1;
  return false;
}

void run_as_server_user(std::vector<std::string> command) {
  const std::string name = command.front();
  const pid_t process = start_process(as_server_user(std::move(command), "KILL"));
  int status = 0;
  waitpid(process, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw std::runtime_error(name + " failed");
  }
}

void give_to_server_user(const std::filesystem::path& path) {
  if (geteuid() != 0) return;
  const passwd* user = getpwnam("postgres");
  if (user == nullptr || chown(path.c_str(), user->pw_uid, user->pw_gid) != 0) {
    throw std::runtime_error("no user postgres to run servers as");
  }
}

bool PostgresServer::is_installed() { return std::filesystem::exists(kPrograms / "postgres"); }

PostgresServer::PostgresServer(Options options)
    : options_(std::move(options)), folder_(make_folder(options_.parent)) {
  if (options_.primary.empty()) {
    run_as_server_user({(kPrograms / "initdb").string(), "-D", (folder_ / "data").string(), "-U",
                        "rwp", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"});
  } else {
    run_as_server_user({(kPrograms / "pg_basebackup").string(), "-D", (folder_ / "data").string(),
                        "-d", options_.primary, "-R", "-X", "stream", "-c", "fast", "--no-sync"});
  }
  start_on_free_port(port_, [this] { start(); });
}

PostgresServer::~PostgresServer() {
  // At once: nothing of it is needed any more.
  if (process_) stop(SIGQUIT);
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string PostgresServer::url(const std::string& database, const std::string& user) const {
  return "postgres://" + user + "@127.0.0.1:" + std::to_string(port_) + "/" + database;
}

void PostgresServer::start() {
  std::vector<std::string> command = {(kPrograms / "postgres").string(),
                                      "-D",
                                      (folder_ / "data").string(),
                                      "-p",
                                      std::to_string(port_),
                                      "-k",
                                      folder_.string(),
                                      "-c",
                                      "listen_addresses=127.0.0.1",
                                      "-c",
                                      "shared_buffers=64MB"};
  for (const std::string& setting : options_.settings) {
    command.emplace_back("-c");
    command.push_back(setting);
  }
  process_ = std::make_unique<ServerProcess>(std::move(command));
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (PQping(url().c_str()) != PQPING_OK) {
    if (!process_->is_running() || std::chrono::steady_clock::now() > deadline) {
      throw std::runtime_error("PostgreSQL did not start");
    }
    std::this_thread::sleep_for(5ms);
  }
  // It may have been somebody else's that answered.
  if (!process_->is_running()) throw std::runtime_error("PostgreSQL did not start");
}

void PostgresServer::stop(int signal) {
  process_->signal(signal);
  process_->wait();
}

void PostgresServer::promote() { execute("SELECT pg_promote(true, 60)"); }

std::string PostgresServer::execute(const std::string& sql, const std::string& database) const {
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(url(database).c_str()),
                                                                &PQfinish);
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection.get(), sql.c_str()),
                                                             &PQclear);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
    throw std::runtime_error(PQerrorMessage(connection.get()));
  }
  return PQntuples(result.get()) > 0 ? PQgetvalue(result.get(), 0, 0) : "";
}

void PostgresServer::create_database(const std::string& name) const {
  execute("CREATE DATABASE " + name);
}

bool PgBouncer::is_installed() { return std::filesystem::exists("/usr/sbin/pgbouncer"); }

PgBouncer::PgBouncer(const PostgresServer& server) : folder_(make_folder({})) {
  start_on_free_port(port_, [&] { start(server); });
}

void PgBouncer::start(const PostgresServer& server) {
  const auto file = folder_ / "pgbouncer.ini";
  {
    std::ofstream out(file);
    out << "[databases]\n* = host=127.0.0.1 port=" << server.port() << "\n[pgbouncer]\n"
        << "listen_addr = 127.0.0.1\nlisten_port = " << port_ << "\nunix_socket_dir =\n"
        << "auth_type = trust\nauth_file = " << (folder_ / "users.txt").string() << "\n"
        << "pool_mode = transaction\nmax_client_conn = 500\ndefault_pool_size = 5\n";
    std::ofstream(folder_ / "users.txt") << "\"rwp\" \"\"\n";
  }
  give_to_server_user(file);
  give_to_server_user(folder_ / "users.txt");
  process_ = std::make_unique<ServerProcess>(
      std::vector<std::string>{"/usr/sbin/pgbouncer", "-q", file.string()});
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (PQping(url().c_str()) != PQPING_OK) {
    if (!process_->is_running() || std::chrono::steady_clock::now() > deadline) {
      throw std::runtime_error("PgBouncer did not start");
    }
    std::this_thread::sleep_for(5ms);
  }
}

PgBouncer::~PgBouncer() {
  process_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string PgBouncer::url(const std::string& database) const {
  return "postgres://rwp@127.0.0.1:" + std::to_string(port_) + "/" + database;
}

}  // namespace rwp::tests
