#pragma once

#include <rwp/core/json_text.hpp>

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>

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
  /// Lines of other ids are left alone, and of answers at most about `max_bytes` are kept.
  OutputLines(std::unordered_set<std::string> ids, std::size_t max_bytes)
      : ids_(std::move(ids)), max_bytes_(max_bytes) {}

  /// Takes a piece of a file.
  void feed(std::string_view piece);
  /// The file has ended.
  void end_file();

  const std::map<std::string, OutputLine>& lines() const noexcept { return lines_; }
  /// Whether there was no room for some: hand out what is here, and read the files again for the
  /// other ids.
  bool has_left_some() const noexcept { return has_left_some_; }
  /// Lines that are none, or longer than any answer.
  std::size_t bad_lines() const noexcept { return bad_lines_; }

 private:
  void end_line();
  void take(std::string line);

  const std::unordered_set<std::string> ids_;
  const std::size_t max_bytes_;
  std::string rest_;
  /// The line that is read is too long, and left out to its end.
  bool is_too_long_ = false;
  std::map<std::string, OutputLine> lines_;
  std::size_t bytes_ = 0;
  std::size_t bad_lines_ = 0;
  bool has_left_some_ = false;
};

}  // namespace rwp::ai_batch
