#pragma once

#include <rwp/core/error.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace rwp::jobs::isolation {

/// Of one message to the worker: a result of 1 MiB, or a child job's payload, and what is around
/// it.
constexpr std::size_t kMaxFrameToWorker = std::size_t{2} << 20;
/// Of one message to a child: a payload of 256 MiB, and what is around it.
constexpr std::size_t kMaxFrameToChild = std::size_t{272} << 20;
/// How a child ends when an allocation fails.
constexpr int kOutOfMemoryExit = 86;

/// The message with its length before it: four bytes, the most significant first.
std::string to_frame(std::string_view message);

/// Finds the messages in bytes as they come.
class FrameReader {
 public:
  explicit FrameReader(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  void add(std::string_view bytes) { unread_ += bytes; }
  /// The next whole message; none: more bytes are needed. `Errc::corrupt`: a length beyond the
  /// limit.
  Result<std::optional<std::string>> next();
  bool is_empty() const noexcept { return unread_.empty(); }

 private:
  const std::size_t max_bytes_;
  std::string unread_;
};

}  // namespace rwp::jobs::isolation
