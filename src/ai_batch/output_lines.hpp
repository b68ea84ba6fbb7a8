#pragma once

#include <rwp/core/json_text.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace rwp::ai_batch {

/// What a line of a batch's output says of its request.
struct OutputLine {
  /// 0: nothing that could be used; the request may be asked again.
  int status = 0;
  JsonText body{};
  std::string error{};
};

/// Reads the files of a batch, whose lines come in any order, or twice, or not at all. A good
/// answer counts more than an error, the first more than another.
///
/// Owns no socket. Threads: one at a time.
class OutputLines {
 public:
  explicit OutputLines(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// Takes a piece of a file. False: the answers are more than `max_bytes`.
  bool feed(std::string_view piece);
  /// The file has ended.
  void end_file();

  const std::map<std::string, OutputLine>& lines() const noexcept { return lines_; }
  /// Lines that are none.
  std::size_t bad_lines() const noexcept { return bad_lines_; }

 private:
  void take(std::string line);

  const std::size_t max_bytes_;
  std::string rest_;
  std::map<std::string, OutputLine> lines_;
  std::size_t bytes_ = 0;
  std::size_t bad_lines_ = 0;
};

}  // namespace rwp::ai_batch
