#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rwp::server {

/// Finds the end of a request's head as its bytes come in, and refuses at once what must not be in
/// one: a line that ends without CR, a folded line, NUL. Each byte is looked at once.
class HeadScanner {
 public:
  enum class State : std::uint8_t { more, complete, malformed, line_too_long, too_long };

  explicit HeadScanner(std::size_t max_bytes) noexcept : max_bytes_(max_bytes) {}

  /// `bytes`: all that has come of this request, from its first byte on.
  State scan(std::string_view bytes) noexcept;
  /// The head's length with its empty line, once it is complete.
  std::size_t size() const noexcept { return next_line_; }
  void reset() noexcept;

 private:
  std::size_t max_bytes_;
  std::size_t seen_ = 0;
  std::size_t next_line_ = 0;
};

}  // namespace rwp::server
