#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What every benchmark program shares: its arguments, what a stretch of work cost, and the rows
/// that it prints, one JSON object a line, for benchmarks/run.sh to gather into one table.
namespace rwp::benchmarks {

/// The arguments that run.sh gives to each program.
struct Options {
  /// Only rows whose name contains this are wanted; empty: all.
  std::string filter{};
  /// Where files of the measurement go; on a real disk.
  std::string directory = ".";
  /// Also the endurance rows, which take minutes.
  bool long_rows = false;

  bool wants(std::string_view row_name) const {
    return row_name.find(filter) != std::string_view::npos;
  }
};

/// Reads `--filter TEXT --directory DIR --long`; ends the program with code 2 on anything else.
Options parse_options(int argc, char** argv);

/// What a stretch of work cost the whole process.
struct Cost {
  double wall_seconds = 0;
  /// User and system time, from getrusage.
  double cpu_seconds = 0;
  /// Sent towards the disk, from /proc/self/io; 0 where the system does not count them.
  std::uint64_t written_bytes = 0;
};

/// Measures from its making.
class Meter {
 public:
  Meter();
  Cost cost() const;

 private:
  Cost start_;
};

/// One line of the table.
struct Row {
  /// Path-like, part first: "jobs_sqlite/drain_100000".
  std::string name{};
  double value = 0;
  /// "jobs/s", "us", "MB", …
  std::string unit{};
  /// What the value is held against: another way to do the same, or a limit. Unset: nothing.
  std::optional<double> baseline{};
  /// The least ratio that is good. Unset: the row informs only.
  std::optional<double> goal{};
  /// Whether a small value is the good one: the ratio is then baseline / value, else value /
  /// baseline.
  bool lower_is_better = false;
  /// Further columns, such as "cpu_us_per_job".
  std::vector<std::pair<std::string, double>> details{};
};

/// Adds `cpu_us_per_job` and `bytes_written_per_job` to the row's details.
void add_cost_per_job(Row& row, const Cost& cost, std::uint64_t jobs);

/// Prints the row to standard output at once.
void print(const Row& row);

/// The value below which `fraction` (0 to 1) of the values lie; 0 for none.
double percentile(std::vector<double> values, double fraction);

/// The most memory that this process has held, in bytes.
std::uint64_t peak_resident_bytes();

}  // namespace rwp::benchmarks
