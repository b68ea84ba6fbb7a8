#include "support/raw_client.hpp"

#include <rwp/net/http_message.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <charconv>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace rwp::tests {
namespace {

using Steady = std::chrono::steady_clock;

bool wait_for(int socket, short events, Steady::time_point deadline) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Steady::now()).count();
  pollfd waiting{socket, events, 0};
  return left > 0 && ::poll(&waiting, 1, static_cast<int>(left)) == 1;
}

std::size_t to_number(std::string_view digits, int base) {
  std::size_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
  return number;
}

}  // namespace

std::string RawResponse::header(std::string_view name) const {
  std::string_view rest = head;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find("\r\n"), rest.size());
    const std::string_view line = rest.substr(0, end);
    const std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && net::equal_without_case(line.substr(0, colon), name)) {
      return std::string(line.substr(colon + 2));
    }
    rest.remove_prefix(std::min(end + 2, rest.size()));
  }
  return {};
}

RawClient::RawClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) close();
}

RawClient::~RawClient() { close(); }

RawClient::RawClient(RawClient&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)),
      unread_(std::move(other.unread_)),
      closed_(other.closed_) {}

bool RawClient::send(std::string_view bytes) const {
  const auto deadline = Steady::now() + kPatience;
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno != EAGAIN || !wait_for(socket_, POLLOUT, deadline)) {
      return false;
    }
  }
  return true;
}

std::size_t RawClient::send_some(std::string_view bytes) const {
  const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return sent > 0 ? static_cast<std::size_t>(sent) : 0;
}

bool RawClient::read_more(Steady::time_point deadline) {
  if (closed_ || socket_ < 0 || !wait_for(socket_, POLLIN, deadline)) return false;
  std::array<char, 65536> piece{};
  const ssize_t got = ::recv(socket_, piece.data(), piece.size(), 0);
  closed_ = got <= 0;
  if (closed_) return false;
  unread_.append(piece.data(), static_cast<std::size_t>(got));
  return true;
}

std::optional<RawResponse> RawClient::read_response(bool head_only) {
  const auto deadline = Steady::now() + kPatience;
  std::size_t head_end = 0;
  while ((head_end = unread_.find("\r\n\r\n")) == std::string::npos) {
    if (!read_more(deadline)) return std::nullopt;
  }
  RawResponse response;
  response.head = unread_.substr(0, head_end + 2);
  unread_.erase(0, head_end + 4);
  response.status = static_cast<int>(to_number(std::string_view(response.head).substr(9, 3), 10));
  if (head_only || response.status < 200 || response.status == 204 || response.status == 304) {
    response.whole = true;
    return response;
  }
  if (response.header("Transfer-Encoding") == "chunked") {
    while (true) {
      std::size_t line_end = 0;
      while ((line_end = unread_.find("\r\n")) == std::string::npos) {
        if (!read_more(deadline)) return response;
      }
      const std::size_t size = to_number(std::string_view(unread_).substr(0, line_end), 16);
      while (unread_.size() < line_end + 2 + size + 2) {
        if (!read_more(deadline)) return response;
      }
      response.body.append(unread_, line_end + 2, size);
      unread_.erase(0, line_end + 2 + size + 2);
      response.whole = size == 0;
      if (response.whole) return response;
    }
  }
  const std::string length = response.header("Content-Length");
  if (length.empty()) {
    response.body = read_to_end();
    response.whole = true;
    return response;
  }
  const std::size_t size = to_number(length, 10);
  while (unread_.size() < size) {
    if (!read_more(deadline)) break;
  }
  response.whole = unread_.size() >= size;
  response.body = unread_.substr(0, size);
  unread_.erase(0, size);
  return response;
}

std::optional<RawResponse> RawClient::ask(std::string_view request) {
  send(request);
  return read_response(request.starts_with("HEAD "));
}

std::string RawClient::read_to_end() {
  const auto deadline = Steady::now() + kPatience;
  while (read_more(deadline)) {
  }
  return std::exchange(unread_, std::string());
}

bool RawClient::is_closed_within(std::chrono::milliseconds patience) {
  const auto deadline = Steady::now() + patience;
  while (read_more(deadline)) unread_.clear();
  return closed_;
}

void RawClient::finish_sending() const { ::shutdown(socket_, SHUT_WR); }

void RawClient::close(bool reset) {
  if (socket_ < 0) return;
  if (reset) {
    const linger now{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  }
  ::close(std::exchange(socket_, -1));
}

}  // namespace rwp::tests
