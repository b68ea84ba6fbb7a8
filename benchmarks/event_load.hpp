#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

namespace rwp::benchmarks {

/// Clients of an analytics pod and the Google behind it, in one thread.
///
/// Each request has 25 events of one of 1,000 clients, each with an id of its own, and is sent
/// again until it is answered with 204. Google keeps the ids that come, or answers 503.
class EventLoad {
 public:
  explicit EventLoad(unsigned connections);
  ~EventLoad();
  EventLoad(const EventLoad&) = delete;
  EventLoad& operator=(const EventLoad&) = delete;

  /// Where Google listens.
  std::uint16_t google_port() const noexcept { return google_port_; }
  void set_outage(bool outage) noexcept { outage_ = outage; }

  /// Sends for so long to the pod on this port; `rate`: requests a second begun, 0: as many as are
  /// answered. Requests under way at the end are awaited, for a second, when `finish`.
  void send(std::uint16_t port, double seconds, double rate, bool finish = true);
  /// The pod is gone: its connections are closed, and what was not answered is sent again later.
  void disconnect();
  /// Serves Google until all that was answered has come, or until it has waited that long for more.
  void await_arrivals(double seconds);

  std::uint64_t accepted() const noexcept { return accepted_; }
  /// Different ids that came.
  std::uint64_t arrived() const noexcept { return arrived_; }
  /// Arrivals of an id that had come.
  std::uint64_t repeated() const noexcept { return repeated_; }
  std::uint64_t lost() const;
  /// Answers other than 204.
  std::uint64_t refused() const noexcept { return refused_; }
  /// In microseconds.
  const std::vector<double>& latencies() const noexcept { return latencies_; }

 private:
  using Steady = std::chrono::steady_clock;
  struct Id {
    bool accepted = false;
    bool arrived = false;
  };
  struct Request {
    std::string text{};
    std::vector<std::string> ids{};
  };
  struct Client {
    int socket = -1;
    bool busy = false;
    Steady::time_point begun{};
    Request request{};
    std::string input{};
  };

  void connect(std::uint16_t port);
  Request make_request();
  void begin(std::size_t client);
  void turn(Steady::time_point until);
  void take_answer(std::size_t client);
  void accept_google();
  void serve_google(int socket);
  void note_arrivals(std::string_view body);

  int epoll_ = -1;
  int google_ = -1;
  std::uint16_t google_port_ = 0;
  bool outage_ = false;
  std::vector<Client> clients_;
  std::vector<std::size_t> free_;
  std::deque<Request> again_;
  std::unordered_map<int, std::string> upstream_;
  std::unordered_map<std::string, Id> ids_;
  std::mt19937_64 random_{20'240'611};
  std::uint64_t accepted_ = 0;
  std::uint64_t arrived_ = 0;
  std::uint64_t repeated_ = 0;
  std::uint64_t refused_ = 0;
  std::vector<double> latencies_;
};

}  // namespace rwp::benchmarks
