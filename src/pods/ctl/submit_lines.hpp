#pragma once

#include "pods/ctl/options.hpp"
#include "pods/line_reader.hpp"
#include <rwp/core/error.hpp>
#include <rwp/jobs/job.hpp>

#include <cstdint>
#include <istream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace rwp::pods::ctl {

/// Longest line that is read: a whole job's.
constexpr std::size_t kMaxSubmitLineBytes = (std::size_t{1} << 20U) + (std::size_t{64} << 10U);

/// One line of a file to submit: its job, or why there is none.
struct SubmitLine {
  std::uint64_t number = 0;
  std::optional<jobs::NewJob> job{};
  std::string problem{};
};

/// A file whose lines become jobs, opened for reading from its start.
///
/// Each job has an idempotency key of the submit's name and the line's number, so that repeating
/// the command submits nothing twice. The name is made of the file's bytes and of what the flags
/// make of each line, or of `--run`: the same file is the same submit, and no other is.
struct SubmitSource {
  std::unique_ptr<std::istream> stream{};
  /// 16 hexadecimal digits.
  std::string name{};
  /// Zero: unknown.
  std::uint64_t bytes = 0;
};

/// Opens what `--file` names. Standard input without `--run` is kept in a temporary file first, as
/// its name is that of all its bytes. `Errc::invalid_argument`, `not_found`, …: it cannot be read.
Result<SubmitSource> open_source(const SubmitOptions& options);

/// The job that the flags describe, without its payload. `Errc::invalid_argument` names the flag
/// and the rule.
Result<jobs::NewJob> read_template(const SubmitOptions& options);

/// Makes jobs of lines. Constant memory. Threads: one at a time.
class SubmitLines {
 public:
  SubmitLines(SubmitSource source, jobs::NewJob common, bool raw);

  /// The next line that is not empty; none at the end. `Errc::unavailable`: reading failed.
  Result<std::optional<SubmitLine>> next();
  const std::string& name() const noexcept { return source_.name; }
  std::uint64_t bytes_read() const { return lines_.bytes_read(); }
  std::uint64_t bytes() const { return source_.bytes; }

 private:
  Result<jobs::NewJob> read(std::string text) const;
  void complete(jobs::NewJob& job, std::uint64_t number) const;

  SubmitSource source_;
  LineReader lines_;
  const jobs::NewJob common_;
  const bool raw_;
};

/// The tag that all jobs of a submit have.
std::string submit_tag(std::string_view name);
bool is_submit_name(std::string_view name);

}  // namespace rwp::pods::ctl
