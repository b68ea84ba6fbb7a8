#include "support/scripted_server.hpp"

#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace rwp::tests {
namespace {

/// Listens on a free loopback port, which it tells.
int listen_on_loopback(int backlog, std::uint16_t* port) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ::socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<::sockaddr*>(&address);
  if (listener < 0 || ::bind(listener, generic, size) != 0 || ::listen(listener, backlog) != 0 ||
      ::getsockname(listener, generic, &size) != 0) {
    throw std::runtime_error("no loopback port to listen on");
  }
  *port = ntohs(address.sin_port);
  return listener;
}

bool wait_for(int socket, short events, int timeout_ms) {
  ::pollfd waited{socket, events, 0};
  return ::poll(&waited, 1, timeout_ms) > 0;
}

class PlainConnection : public ScriptedConnection {
 public:
  explicit PlainConnection(int socket) : socket_(socket) {}
  bool is_blocked() override { return !wait_for(socket_, POLLOUT, 300); }

 private:
  long do_read(char* out, std::size_t room) override {
    if (!wait_for(socket_, POLLIN, kPatienceMs)) return -2;
    return ::recv(socket_, out, room, 0);
  }
  long do_write(const char* data, std::size_t size) override {
    if (!wait_for(socket_, POLLOUT, kPatienceMs)) return -2;
    return ::send(socket_, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  }

  const int socket_;
};

class TlsConnection : public ScriptedConnection {
 public:
  TlsConnection(int socket, SSL_CTX* context) : ssl_(SSL_new(context), &SSL_free), socket_(socket) {
    const ::timeval patience{kPatienceMs / 1000, 0};
    (void)::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    (void)::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    SSL_set_fd(ssl_.get(), socket);
    accepted_ = SSL_accept(ssl_.get()) == 1;
  }
  ~TlsConnection() override {
    if (accepted_) SSL_shutdown(ssl_.get());
  }
  bool is_blocked() override { return !wait_for(socket_, POLLOUT, 300); }

 private:
  long do_read(char* out, std::size_t room) override {
    if (!accepted_) return 0;
    return std::max(0, SSL_read(ssl_.get(), out, static_cast<int>(room)));
  }
  long do_write(const char* data, std::size_t size) override {
    if (!accepted_) return -1;
    return SSL_write(ssl_.get(), data, static_cast<int>(size));
  }

  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  const int socket_;
  bool accepted_ = false;
};

}  // namespace

ScriptedConnection::Got ScriptedConnection::fill() {
  std::array<char, 65'536> buffer{};
  const long got = do_read(buffer.data(), buffer.size());
  if (got == -2) return Got::nothing;
  if (got <= 0) return Got::end;
  unread_.append(buffer.data(), static_cast<std::size_t>(got));
  return Got::bytes;
}

std::string ScriptedConnection::read_head() {
  constexpr std::string_view kEnd = "\r\n\r\n";
  while (unread_.find(kEnd) == std::string::npos) {
    if (fill() != Got::bytes) return {};
  }
  const std::size_t size = unread_.find(kEnd) + kEnd.size();
  std::string head = unread_.substr(0, size);
  unread_.erase(0, size);
  return head;
}

std::string ScriptedConnection::read_exactly(std::size_t bytes) {
  while (unread_.size() < bytes && fill() == Got::bytes) {
  }
  std::string out = unread_.substr(0, bytes);
  unread_.erase(0, out.size());
  return out;
}

std::string ScriptedConnection::read_some() {
  if (unread_.empty()) (void)fill();
  return std::exchange(unread_, std::string());
}

std::string ScriptedConnection::read_request() {
  std::string request = read_head();
  constexpr std::string_view kLength = "Content-Length: ";
  const std::size_t at = request.find(kLength);
  if (at == std::string::npos) return request;
  const char* digits = request.c_str() + at + kLength.size();
  request += read_exactly(std::strtoull(digits, nullptr, 10));
  return request;
}

bool ScriptedConnection::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const long put = do_write(bytes.data(), bytes.size());
    if (put < 0 && put != -2 && (errno == EAGAIN || errno == EINTR)) continue;
    if (put <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

bool ScriptedConnection::wait_closed() {
  while (true) {
    const Got got = fill();
    unread_.clear();
    if (got != Got::bytes) return got == Got::end;
  }
}

struct ScriptedServer::TlsContext {
  explicit TlsContext(const Tls& tls) : context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free) {
    if (SSL_CTX_use_certificate_chain_file(context.get(), tls.certificate_file.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(context.get(), tls.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
      throw std::runtime_error("no certificate for the server");
    }
  }
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context;
};

ScriptedServer::ScriptedServer(Script script, Tls tls) : script_(std::move(script)) {
  if (!tls.certificate_file.empty()) tls_ = std::make_unique<TlsContext>(tls);
  listener_ = listen_on_loopback(1024, &port_);
  accepting_ = std::thread([this] { accept_all(); });
}

ScriptedServer::~ScriptedServer() {
  stopping_ = true;
  (void)::shutdown(listener_, SHUT_RDWR);
  accepting_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const int socket : sockets_) (void)::shutdown(socket, SHUT_RDWR);
  }
  for (std::thread& thread : threads_) thread.join();
  (void)::close(listener_);
}

std::string ScriptedServer::url(std::string_view path) const {
  return (tls_ ? "https://localhost:" : "http://127.0.0.1:") + std::to_string(port_) +
         std::string(path);
}

void ScriptedServer::accept_all() {
  while (!stopping_) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) return;
    const int on = 1;
    (void)::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    ++accepted_;
    ++open_now_;
    const std::lock_guard lock(mutex_);
    sockets_.push_back(socket);
    threads_.emplace_back([this, socket] { serve(socket); });
  }
}

void ScriptedServer::serve(int socket) {
  // OpenSSL writes to sockets that the peer has closed.
  ::sigset_t pipe{};
  ::sigaddset(&pipe, SIGPIPE);
  (void)::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  if (tls_) {
    TlsConnection connection(socket, tls_->context.get());
    script_(connection);
  } else {
    PlainConnection connection(socket);
    script_(connection);
  }
  const std::lock_guard lock(mutex_);
  sockets_.remove(socket);
  (void)::close(socket);
  --open_now_;
}

ScriptedServer::Script answer_each(std::function<std::string(const std::string& request)> answer) {
  return [answer = std::move(answer)](ScriptedConnection& connection) {
    while (true) {
      const std::string request = connection.read_request();
      if (request.empty() || !connection.write(answer(request))) return;
    }
  };
}

std::string ok_answer(std::string_view body, std::string_view more_fields) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         std::string(more_fields) + "\r\n" + std::string(body);
}

UnansweringPort::UnansweringPort() {
  listener_ = listen_on_loopback(0, &port_);
  ::sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port_);
  // Until the queue takes no more.
  for (int i = 0; i < 8; ++i) {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    (void)::connect(socket, reinterpret_cast<const ::sockaddr*>(&address), sizeof(address));
    waiting_.push_back(socket);
  }
}

UnansweringPort::~UnansweringPort() {
  for (const int socket : waiting_) (void)::close(socket);
  (void)::close(listener_);
}

std::string UnansweringPort::url() const {
  return "http://127.0.0.1:" + std::to_string(port_) + "/";
}

}  // namespace rwp::tests
