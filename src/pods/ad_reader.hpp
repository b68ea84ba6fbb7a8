#pragma once

#include "pods/csv_reader.hpp"
#include "pods/line_reader.hpp"
#include <rwp/core/error.hpp>
#include <rwp/recruitment/job_ad.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

namespace rwp::pods {

/// Longest line of an input, and longest record: what a job's payload holds, with room for escapes.
constexpr std::size_t kMaxAdBytes = std::size_t{512} << 10U;

/// One place of an input: an advert, or why there is none.
struct InputItem {
  /// From 1, of the line where it begins.
  std::uint64_t line = 0;
  std::optional<recruitment::JobAd> ad{};
  /// Of what was refused: why, and the id when it was readable.
  std::string reason{};
  std::string rejected_id{};
};

enum class InputFormat : std::uint8_t { jsonl, csv };

/// Reads adverts one by one from JSON Lines (ours, or schema.org JobPosting) or CSV with a header.
///
/// Constant memory but for the ids seen; a bad line never ends the reading. The second advert of an
/// id is refused. Threads: one at a time.
class AdReader {
 public:
  /// Opens a file; the format is told by the extension, else by the first character.
  /// `Errc::invalid_argument`, `not_found`, `permission_denied`: it cannot be read, is no text in
  /// UTF-8, or a CSV without the columns title and description; the message says what to do.
  static Result<std::unique_ptr<AdReader>> open(const std::string& path);
  /// As above, from a stream; `name` tells the format.
  static Result<std::unique_ptr<AdReader>> read(std::unique_ptr<std::istream> stream,
                                                std::string_view name);

  /// The next advert or reject; none at the end.
  /// `Errc::unavailable`: the file could not be read further.
  Result<std::optional<InputItem>> next();

  std::uint64_t bytes_read() const noexcept { return lines_.bytes_read(); }
  /// Zero: unknown.
  std::uint64_t total_bytes() const noexcept { return total_bytes_; }

 private:
  explicit AdReader(std::unique_ptr<std::istream> stream);
  Result<void> begin(std::string_view name);
  Result<void> read_header();
  std::optional<InputItem> next_json();
  std::optional<InputItem> next_csv();
  void finish(InputItem& item, Result<recruitment::JobAd> ad, std::string id);

  std::unique_ptr<std::istream> stream_;
  LineReader lines_;
  CsvReader csv_;
  InputFormat format_ = InputFormat::jsonl;
  /// Our names of the columns; empty for those that are not read.
  std::vector<std::string> columns_;
  std::unordered_set<std::string> ids_;
  std::uint64_t total_bytes_ = 0;
};

}  // namespace rwp::pods
