#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace rwp::tests {

/// One accepted connection, blocking; waits end after kPatience, or when the server goes.
class ScriptedConnection {
 public:
  virtual ~ScriptedConnection() = default;
  ScriptedConnection(const ScriptedConnection&) = delete;
  ScriptedConnection& operator=(const ScriptedConnection&) = delete;

  /// A request's line and header, up to the empty line; empty: the peer has closed.
  std::string read_head();
  /// That many bytes, or fewer when the peer closes.
  std::string read_exactly(std::size_t bytes);
  /// What comes next, at most 64 KiB; empty: the peer has closed.
  std::string read_some();
  /// Head and body of a request with a Content-Length; empty: the peer has closed.
  std::string read_request();
  /// False: the peer has closed, or the server goes.
  bool write(std::string_view bytes);
  /// Reads on until the peer closes; false: it did not in time.
  bool wait_closed();
  /// Whether nothing more can be written for now, as the peer does not read.
  virtual bool is_blocked() = 0;

  static constexpr int kPatienceMs = 20'000;

 protected:
  ScriptedConnection() = default;

 private:
  enum class Got : std::uint8_t { bytes, end, nothing };
  virtual long do_read(char* out, std::size_t room) = 0;  // As read(2).
  virtual long do_write(const char* data, std::size_t size) = 0;
  Got fill();

  std::string unread_;
};

/// PEM files.
struct ServerCertificate {
  std::string certificate_file{};
  std::string key_file{};
};

/// A server on a free loopback port that does with each connection what the script says, on a
/// thread of its own; then it closes.
class ScriptedServer {
 public:
  using Script = std::function<void(ScriptedConnection&)>;
  using Tls = ServerCertificate;

  explicit ScriptedServer(Script script, Tls tls = Tls());
  ~ScriptedServer();
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  std::uint16_t port() const noexcept { return port_; }
  std::string url(std::string_view path = "/") const;
  int accepted() const noexcept { return accepted_; }
  int open_now() const noexcept { return open_now_; }

 private:
  struct TlsContext;
  void accept_all();
  void serve(int socket);

  const Script script_;
  std::unique_ptr<TlsContext> tls_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> accepted_ = 0;
  std::atomic<int> open_now_ = 0;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::list<int> sockets_;
  std::list<std::thread> threads_;
  std::thread accepting_;
};

/// A script that answers request after request on a connection.
ScriptedServer::Script answer_each(std::function<std::string(const std::string& request)> answer);

/// "HTTP/1.1 200 OK", the Content-Length and the body.
std::string ok_answer(std::string_view body, std::string_view more_fields = "");

/// A listener that accepts nobody, and whose queue is full: connecting to it takes for ever.
class UnansweringPort {
 public:
  UnansweringPort();
  ~UnansweringPort();
  UnansweringPort(const UnansweringPort&) = delete;
  UnansweringPort& operator=(const UnansweringPort&) = delete;
  std::string url() const;

 private:
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::list<int> waiting_;
};

}  // namespace rwp::tests
