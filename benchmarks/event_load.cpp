#include "event_load.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace rwp::benchmarks {
namespace {

/// In the epoll data: a client of the pod by its number, a socket of Google's by its number and
/// this.
constexpr std::uint64_t kGoogle = std::uint64_t{1} << 32U;

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "event_load: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void watch(int epoll, int socket, std::uint64_t data) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = data;
  ::epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event);
}

std::size_t length_of_body(std::string_view head) {
  constexpr std::string_view kField = "Content-Length: ";
  const std::size_t field = head.find(kField);
  if (field == std::string_view::npos) return 0;
  std::size_t length = 0;
  for (std::size_t i = field + kField.size(); head[i] >= '0' && head[i] <= '9'; ++i) {
    length = length * 10 + static_cast<std::size_t>(head[i] - '0');
  }
  return length;
}

/// The length of the whole message at the front; 0: not all there yet.
std::size_t message_length(std::string_view input, std::size_t& head) {
  head = input.find("\r\n\r\n");
  if (head == std::string_view::npos) return 0;
  head += 4;
  const std::size_t length = head + length_of_body(input.substr(0, head));
  return input.size() >= length ? length : 0;
}

void send_all(int socket, std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
    // A pod that was killed; its connection is found broken when it is read from.
    if (sent <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
}

}  // namespace

EventLoad::EventLoad(unsigned connections)
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      google_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
      clients_(connections) {
  sockaddr_in address = loopback(0);
  socklen_t size = sizeof(address);
  if (::bind(google_, reinterpret_cast<sockaddr*>(&address), size) != 0) give_up("bind");
  ::getsockname(google_, reinterpret_cast<sockaddr*>(&address), &size);
  google_port_ = ntohs(address.sin_port);
  if (::listen(google_, 128) != 0) give_up("listen");
  watch(epoll_, google_, kGoogle + static_cast<std::uint64_t>(google_));
}

EventLoad::~EventLoad() {
  disconnect();
  for (const auto& [socket, input] : upstream_) ::close(socket);
  ::close(google_);
  ::close(epoll_);
}

void EventLoad::connect(std::uint16_t port) {
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    Client& client = clients_[i];
    if (client.socket >= 0) continue;
    client.socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in address = loopback(port);
    if (::connect(client.socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) !=
        0) {
      give_up("connect");
    }
    const int on = 1;
    ::setsockopt(client.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    watch(epoll_, client.socket, i);
    free_.push_back(i);
  }
}

void EventLoad::disconnect() {
  for (Client& client : clients_) {
    if (client.socket >= 0) ::close(std::exchange(client.socket, -1));
    if (client.busy) again_.push_back(std::move(client.request));
    client.busy = false;
    client.input.clear();
  }
  free_.clear();
}

EventLoad::Request EventLoad::make_request() {
  Request request;
  std::string body =
      R"({"client_id":"client-)" + std::to_string(random_() % 1'000) + R"(","events":[)";
  for (int i = 0; i < 25; ++i) {
    std::array<char, 40> id{};
    const std::uint64_t high = random_();
    const std::uint64_t low = random_();
    std::snprintf(id.data(), id.size(), "%08x-%04x-4%03x-8%03x-%012llx",
                  static_cast<unsigned>(high >> 32U), static_cast<unsigned>(high >> 16U) & 0xFFFFU,
                  static_cast<unsigned>(high) & 0xFFFU, static_cast<unsigned>(low >> 52U),
                  static_cast<unsigned long long>(low & 0xFFFF'FFFF'FFFFULL));
    body += i == 0 ? "" : ",";
    body += R"({"name":"job_viewed","params":{"event_id":")" + std::string(id.data()) +
            R"(","session_id":"1700000000","engagement_time_msec":120,"job_id":")" +
            std::to_string(high % 100'000) +
            R"(","source":"newsletter","title":"Senior welder (f/m/d), Hamburg"}})";
    request.ids.emplace_back(id.data());
  }
  body += "]}";
  request.text =
      "POST /mp/collect?measurement_id=G-LOAD HTTP/1.1\r\nHost: 127.0.0.1\r\n"
      "Content-Type: application/json\r\nContent-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  return request;
}

void EventLoad::begin(std::size_t index) {
  Client& client = clients_[index];
  if (again_.empty()) {
    client.request = make_request();
  } else {
    client.request = std::move(again_.front());
    again_.pop_front();
  }
  client.busy = true;
  client.begun = Steady::now();
  send_all(client.socket, client.request.text);
}

void EventLoad::send(std::uint16_t port, double seconds, double rate, bool finish) {
  connect(port);
  const auto start = Steady::now();
  const auto end =
      start + std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(seconds));
  const auto step = std::chrono::duration_cast<Steady::duration>(
      std::chrono::duration<double>(rate > 0 ? 1 / rate : 0));
  auto next = start;
  while (Steady::now() < end) {
    while (!free_.empty() && (rate <= 0 || next <= Steady::now())) {
      const std::size_t client = free_.back();
      free_.pop_back();
      begin(client);
      next += step;
    }
    turn(rate > 0 && !free_.empty() ? std::min(next, end) : end);
  }
  const auto patience = Steady::now() + std::chrono::seconds(1);
  const auto busy = [this] {
    return std::any_of(clients_.begin(), clients_.end(),
                       [](const Client& one) { return one.busy; });
  };
  while (finish && busy() && Steady::now() < patience) turn(patience);
}

void EventLoad::await_arrivals(double seconds) {
  const auto wait =
      std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(seconds));
  auto until = Steady::now() + wait;
  std::uint64_t seen = arrived_ + repeated_;
  // Some may have been kept and not answered: no more is lost than was answered.
  while (lost() > 0 && Steady::now() < until) {
    turn(std::min(until, Steady::now() + std::chrono::milliseconds(200)));
    if (arrived_ + repeated_ == seen) continue;
    seen = arrived_ + repeated_;
    until = Steady::now() + wait;
  }
}

std::uint64_t EventLoad::lost() const {
  return static_cast<std::uint64_t>(std::count_if(ids_.begin(), ids_.end(), [](const auto& each) {
    return each.second.accepted && !each.second.arrived;
  }));
}

void EventLoad::turn(Steady::time_point until) {
  std::array<epoll_event, 128> events{};
  const auto left = std::max<std::int64_t>(
      0, std::chrono::duration_cast<std::chrono::nanoseconds>(until - Steady::now()).count());
  timespec wait{};
  wait.tv_sec = left / 1'000'000'000;
  wait.tv_nsec = left % 1'000'000'000;
  const int ready =
      ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &wait, nullptr);
  for (int i = 0; i < ready; ++i) {
    const std::uint64_t data = events.at(static_cast<std::size_t>(i)).data.u64;
    if (data < kGoogle) {
      take_answer(data);
    } else if (const int socket = static_cast<int>(data - kGoogle); socket == google_) {
      accept_google();
    } else {
      serve_google(socket);
    }
  }
}

void EventLoad::take_answer(std::size_t index) {
  Client& client = clients_[index];
  std::array<char, 16'384> piece{};
  const ssize_t got = ::recv(client.socket, piece.data(), piece.size(), 0);
  if (got <= 0) {
    // Killed under it. Others are found so too.
    ::close(std::exchange(client.socket, -1));
    if (std::exchange(client.busy, false)) again_.push_back(std::move(client.request));
    client.input.clear();
    free_.erase(std::remove(free_.begin(), free_.end(), index), free_.end());
    return;
  }
  client.input.append(piece.data(), static_cast<std::size_t>(got));
  std::size_t head = 0;
  const std::size_t length = message_length(client.input, head);
  if (length == 0) return;
  const bool taken = client.input.compare(9, 3, "204") == 0;
  if (!taken && refused_++ == 0) {
    std::fprintf(stderr, "event_load: the first that was refused:\n%s\n", client.input.c_str());
  }
  client.input.clear();
  client.busy = false;
  free_.push_back(index);
  if (!taken) {
    again_.push_back(std::move(client.request));
    return;
  }
  accepted_ += client.request.ids.size();
  for (const std::string& id : client.request.ids) ids_[id].accepted = true;
  latencies_.push_back(
      std::chrono::duration<double, std::micro>(Steady::now() - client.begun).count());
}

void EventLoad::accept_google() {
  const int socket = ::accept4(google_, nullptr, nullptr, SOCK_CLOEXEC);
  if (socket < 0) return;
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  upstream_[socket];
  watch(epoll_, socket, kGoogle + static_cast<std::uint64_t>(socket));
}

void EventLoad::serve_google(int socket) {
  std::array<char, 65'536> piece{};
  const ssize_t got = ::recv(socket, piece.data(), piece.size(), 0);
  if (got <= 0) {
    upstream_.erase(socket);
    ::close(socket);
    return;
  }
  std::string& input = upstream_[socket];
  input.append(piece.data(), static_cast<std::size_t>(got));
  std::size_t head = 0;
  while (const std::size_t length = message_length(input, head)) {
    if (outage_) {
      send_all(socket, "HTTP/1.1 503 Unavailable\r\nContent-Length: 0\r\n\r\n");
    } else {
      note_arrivals(std::string_view(input).substr(head, length - head));
      send_all(socket, "HTTP/1.1 204 No Content\r\n\r\n");
    }
    input.erase(0, length);
  }
}

void EventLoad::note_arrivals(std::string_view body) {
  constexpr std::string_view kId = R"("event_id":")";
  for (std::size_t at = body.find(kId); at != std::string_view::npos; at = body.find(kId, at)) {
    at += kId.size();
    Id& id = ids_[std::string(body.substr(at, 36))];
    ++(std::exchange(id.arrived, true) ? repeated_ : arrived_);
  }
}

}  // namespace rwp::benchmarks
