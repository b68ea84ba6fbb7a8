#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rwp::tests {

/// An answer as it came over the wire.
struct RawResponse {
  int status = 0;
  /// The head, with its lines' ends.
  std::string head{};
  /// Without the chunked coding.
  std::string body{};
  /// Whether the body came to the end that its head promised.
  bool whole = false;

  std::string header(std::string_view name) const;
};

/// Writes and reads bytes on a blocking socket to 127.0.0.1, without any idea of HTTP but in
/// read_response(). Every wait ends after kPatience. Threads: one at a time.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port);
  ~RawClient();
  RawClient(RawClient&& other) noexcept;
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const noexcept { return socket_ >= 0; }
  /// False: the other side has closed.
  bool send(std::string_view bytes) const;
  /// How much the system takes without waiting.
  std::size_t send_some(std::string_view bytes) const;
  /// The next answer; none: the connection ended before its head did. `head_only`: to HEAD.
  std::optional<RawResponse> read_response(bool head_only = false);
  /// Send a request and read its answer.
  std::optional<RawResponse> ask(std::string_view request);
  /// What comes before the other side closes.
  std::string read_to_end();
  /// Whether the other side closes within `patience`, whatever it sends before.
  bool is_closed_within(std::chrono::milliseconds patience);
  /// Closes its sending half.
  void finish_sending() const;
  /// Closes; `reset`: with RST.
  void close(bool reset = false);

  static constexpr std::chrono::seconds kPatience{20};

 private:
  /// More bytes into unread_; false at the end.
  bool read_more(std::chrono::steady_clock::time_point deadline);

  int socket_ = -1;
  std::string unread_;
  bool closed_ = false;
};

}  // namespace rwp::tests
