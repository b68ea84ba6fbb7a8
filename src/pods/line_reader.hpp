#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <istream>
#include <optional>
#include <string>
#include <vector>

namespace rwp::pods {

/// One line of a text file, without its end (LF or CRLF) and, at the start, without the byte order
/// mark of UTF-8.
struct Line {
  std::string text{};
  /// From 1.
  std::uint64_t number = 0;
  /// Longer than the bound: `text` is its beginning, the rest was passed over.
  bool too_long = false;
};

/// Reads lines in constant memory, whatever the file holds.
///
/// Threads: one at a time. Lifetime: the stream outlives it.
class LineReader {
 public:
  LineReader(std::istream& stream, std::size_t max_line_bytes);

  /// The next line; none at the end, or when reading failed (see failed()).
  std::optional<Line> next();
  /// Gives lines back, to be read again in this order.
  void give_back(std::deque<Line> lines);

  /// Whether the end came from a failure to read.
  bool failed() const { return stream_.bad(); }
  std::uint64_t bytes_read() const noexcept { return bytes_read_; }

  static constexpr const char* kByteOrderMark = "\xEF\xBB\xBF";

 private:
  bool fill();

  std::istream& stream_;
  const std::size_t max_line_bytes_;
  std::vector<char> block_;
  std::size_t at_ = 0;
  std::size_t end_ = 0;
  std::uint64_t lines_ = 0;
  std::uint64_t bytes_read_ = 0;
  std::deque<Line> given_back_;
};

}  // namespace rwp::pods
