#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <string>
#include <thread>

namespace rwp::tests {

/// Stands before a server on loopback, and breaks connections when it is told to.
/// Threads: its calls from any.
class CuttingProxy {
 public:
  explicit CuttingProxy(int server_port);
  ~CuttingProxy();
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;

  int port() const { return port_; }
  /// The next answer of the server does not arrive: its connection is cut instead.
  void lose_next_answer() { lose_answer_after(0); }
  /// As above, once so many have arrived.
  void lose_answer_after(int answers) { answers_to_lose_ = answers + 1; }
  bool has_lost_answer() const { return answers_to_lose_ == 0; }
  /// Every connection is cut once so many bytes have gone through it; 0: never.
  void cut_after(std::size_t bytes) { cut_after_ = bytes; }
  std::size_t cuts() const { return cuts_; }
  /// What clients say is kept here, for as long as `hold` is set, and then passed on, also when its
  /// sender is gone.
  void hold(bool hold) { hold_ = hold; }
  /// What is to be looked for among what is held back.
  void look_for(std::string bytes);
  /// Whether some client's words that are held back have it, where it stands in their first 64 KiB.
  bool has_held() const { return has_held_; }
  /// Clients lose their connections now; the server goes on as if nothing had happened.
  void drop_clients() { drop_clients_ = true; }

 private:
  void run();
  void look_at_held(int client);

  const int server_port_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stop_{false};
  std::atomic<int> answers_to_lose_{0};
  std::atomic<std::size_t> cut_after_{0};
  std::atomic<std::size_t> cuts_{0};
  std::atomic<bool> drop_clients_{false};
  std::atomic<bool> hold_{false};
  std::mutex looked_for_mutex_;
  std::string looked_for_;
  std::atomic<bool> has_held_{false};
  std::thread thread_;
};

}  // namespace rwp::tests
