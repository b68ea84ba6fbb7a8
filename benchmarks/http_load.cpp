#include "http_load.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace rwp::benchmarks {
namespace {

using Steady = std::chrono::steady_clock;

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "http_load: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

struct Client {
  int socket = -1;
  bool busy = false;
  Steady::time_point due{};
  std::string input{};
};

int connect_to(std::uint16_t port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
    give_up("connect");
  }
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return socket;
}

/// The length of the whole answer at the front; 0: not all there yet.
std::size_t answer_length(std::string_view input) {
  const std::size_t head = input.find("\r\n\r\n");
  if (head == std::string_view::npos) return 0;
  constexpr std::string_view kLength = "\r\nContent-Length: ";
  const std::size_t field = input.find(kLength);
  if (field == std::string_view::npos || field > head) {
    errno = EPROTO;
    give_up("an answer without Content-Length");
  }
  std::size_t body = 0;
  for (std::size_t i = field + kLength.size(); input[i] >= '0' && input[i] <= '9'; ++i) {
    body = body * 10 + static_cast<std::size_t>(input[i] - '0');
  }
  const std::size_t length = head + 4 + body;
  return input.size() >= length ? length : 0;
}

class Load {
 public:
  explicit Load(const LoadOptions& options)
      : options_(options), epoll_(::epoll_create1(EPOLL_CLOEXEC)), clients_(options.connections) {
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      clients_[i].socket = connect_to(options.port);
      epoll_event event{};
      event.events = EPOLLIN;
      event.data.u64 = i;
      ::epoll_ctl(epoll_, EPOLL_CTL_ADD, clients_[i].socket, &event);
      free_.push_back(i);
    }
  }
  ~Load() {
    for (const Client& client : clients_) ::close(client.socket);
    ::close(epoll_);
  }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  LoadResult run() {
    const auto start = Steady::now();
    const auto whole = std::chrono::duration_cast<Steady::duration>(
        std::chrono::duration<double>(options_.seconds));
    counted_from_ = start + whole / 5;
    const auto end = start + whole;
    next_ = start;
    while (Steady::now() < end) {
      begin_requests();
      take_answers(end);
    }
    result_.failed += overdue();
    result_.requests_per_second =
        static_cast<double>(result_.latencies.size()) /
        std::chrono::duration<double>(Steady::now() - counted_from_).count();
    return std::move(result_);
  }

 private:
  /// Open loop: a server that answers nothing any more is not to look fast.
  std::uint64_t overdue() const {
    std::uint64_t late = 0;
    for (const auto due : waiting_) late += Steady::now() - due > std::chrono::seconds(1) ? 1 : 0;
    return late;
  }

  void begin_requests() {
    if (options_.rate <= 0) {
      while (!free_.empty()) begin(Steady::now());
      return;
    }
    const auto step = std::chrono::duration_cast<Steady::duration>(
        std::chrono::duration<double>(1 / options_.rate));
    for (const auto now = Steady::now(); next_ <= now; next_ += step) waiting_.push_back(next_);
    while (!free_.empty() && !waiting_.empty()) {
      begin(waiting_.front());
      waiting_.pop_front();
    }
  }

  void begin(Steady::time_point due) {
    Client& client = clients_[free_.back()];
    free_.pop_back();
    client.busy = true;
    client.due = due;
    const ssize_t sent =
        ::send(client.socket, options_.request.data(), options_.request.size(), MSG_NOSIGNAL);
    if (sent != static_cast<ssize_t>(options_.request.size())) give_up("send");
  }

  void take_answers(Steady::time_point end) {
    std::array<epoll_event, 128> events{};
    const auto until =
        options_.rate > 0 && (!free_.empty() || waiting_.empty()) ? std::min(next_, end) : end;
    const auto left = std::max<std::int64_t>(
        0, std::chrono::duration_cast<std::chrono::nanoseconds>(until - Steady::now()).count());
    timespec wait{};
    wait.tv_sec = left / 1'000'000'000;
    wait.tv_nsec = left % 1'000'000'000;
    const int ready =
        ::epoll_pwait2(epoll_, events.data(), static_cast<int>(events.size()), &wait, nullptr);
    for (int i = 0; i < ready; ++i) take_answer(events[static_cast<std::size_t>(i)].data.u64);
  }

  void take_answer(std::size_t index) {
    Client& client = clients_[index];
    std::array<char, 16384> piece{};
    const ssize_t got = ::recv(client.socket, piece.data(), piece.size(), 0);
    if (got <= 0) give_up("recv");
    std::string_view answer(piece.data(), static_cast<std::size_t>(got));
    if (!client.input.empty()) {
      client.input.append(answer);
      answer = client.input;
    }
    const std::size_t length = answer_length(answer);
    if (length == 0) {
      if (client.input.empty()) client.input = std::string(answer);
      return;
    }
    if (answer[9] != '2') {
      if (result_.failed++ == 0) {
        std::fprintf(stderr, "http_load: the first that failed:\n%.*s\n",
                     static_cast<int>(answer.size()), answer.data());
      }
    }
    client.input.clear();
    client.busy = false;
    free_.push_back(index);
    const auto now = Steady::now();
    if (now >= counted_from_) {
      result_.latencies.push_back(
          std::chrono::duration<double, std::micro>(now - client.due).count());
    }
  }

  const LoadOptions& options_;
  int epoll_;
  std::vector<Client> clients_;
  std::vector<std::size_t> free_;
  std::deque<Steady::time_point> waiting_;
  Steady::time_point next_{};
  Steady::time_point counted_from_{};
  LoadResult result_;
};

}  // namespace

LoadResult run_load(const LoadOptions& options) { return Load(options).run(); }

}  // namespace rwp::benchmarks
