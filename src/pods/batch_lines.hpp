#pragma once

#include "pods/batch_record.hpp"
#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/core/uuid.hpp>
#include <rwp/jobs/job.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace rwp::pods {

constexpr std::size_t kMostBatchLines = 50'000;
constexpr std::size_t kMostLineBytes = 900'000;

/// A line of a batch's input: the payload of its job.
struct BatchLine {
  /// Whose it is; nil while it is judged.
  Uuid batch{};
  std::string custom_id{};
  std::string url{};
  JsonText body{};
};

JsonText line_json(const Uuid& batch, const BatchLine& line);
/// `Errc::invalid_argument`: no such payload.
Result<BatchLine> read_line(const JsonText& payload);

/// Judges a batch's input line by line, and keeps the lines that are good.
///
/// Threads: one at a time.
class BatchInput {
 public:
  BatchInput(std::string content, std::string endpoint)
      : content_(std::move(content)), endpoint_(std::move(endpoint)) {}

  /// The next line; none at the end. A bad one adds a fault.
  std::optional<BatchLine> next();
  /// Begins again at the first line.
  void rewind();
  bool at_end() const noexcept { return at_ >= content_.size(); }
  std::size_t lines() const noexcept { return number_; }
  /// The first ten.
  const std::vector<BatchRecord::Fault>& faults() const noexcept { return faults_; }

 private:
  std::optional<BatchLine> take(std::string_view line);
  void fault(const char* code, std::string message);

  const std::string content_;
  const std::string endpoint_;
  std::size_t at_ = 0;
  std::size_t number_ = 0;
  std::unordered_set<std::string> ids_;
  std::vector<BatchRecord::Fault> faults_;
};

/// What became of a line: the result of its job.
struct LineEnd {
  int status = 0;
  std::string request_id{};
  JsonText body{};
  /// Where a body too large for the job lies.
  std::string object{};
};

JsonText line_end_json(const LineEnd& end);
LineEnd read_line_end(const JsonText& text);

/// A line of the output, or error, file. `error_code` empty: `end` is the answer.
std::string output_line(const Uuid& job, std::string_view custom_id, const LineEnd& end,
                        std::string_view error_code, std::string_view error_message);

}  // namespace rwp::pods
