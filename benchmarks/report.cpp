#include "report.hpp"

#include <rwp/core/json_writer.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sys/resource.h>

namespace rwp::benchmarks {
namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

rusage own_usage() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage;
}

std::uint64_t written_bytes() {
  std::ifstream io("/proc/self/io");
  std::string name;
  std::uint64_t bytes = 0;
  while (io >> name >> bytes) {
    if (name == "write_bytes:") return bytes;
  }
  return 0;
}

Cost cost_so_far() {
  const rusage usage = own_usage();
  const std::chrono::duration<double> now = std::chrono::steady_clock::now().time_since_epoch();
  return Cost{.wall_seconds = now.count(),
              .cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime),
              .written_bytes = written_bytes()};
}

void member_or_null(JsonWriter& writer, std::string_view name, const std::optional<double>& value) {
  writer.key(name);
  if (value) {
    writer.value(*value);
  } else {
    writer.null();
  }
}

}  // namespace

Options parse_options(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--long") {
      options.long_rows = true;
    } else if (argument == "--filter" && i + 1 < argc) {
      options.filter = argv[++i];
    } else if (argument == "--directory" && i + 1 < argc) {
      options.directory = argv[++i];
    } else {
      std::fprintf(stderr, "usage: %s [--filter TEXT] [--directory DIR] [--long]\n", argv[0]);
      std::exit(2);
    }
  }
  return options;
}

Meter::Meter() : start_(cost_so_far()) {}

Cost Meter::cost() const {
  const Cost now = cost_so_far();
  return Cost{.wall_seconds = now.wall_seconds - start_.wall_seconds,
              .cpu_seconds = now.cpu_seconds - start_.cpu_seconds,
              .written_bytes = now.written_bytes - start_.written_bytes};
}

void add_cost_per_job(Row& row, const Cost& cost, std::uint64_t jobs) {
  const auto count = static_cast<double>(std::max<std::uint64_t>(jobs, 1));
  row.details.emplace_back("cpu_us_per_job", cost.cpu_seconds * 1e6 / count);
  row.details.emplace_back("bytes_written_per_job",
                           static_cast<double>(cost.written_bytes) / count);
}

void print(const Row& row) {
  std::optional<double> ratio;
  if (row.baseline) {
    ratio = row.lower_is_better ? *row.baseline / row.value : row.value / *row.baseline;
  }
  JsonWriter writer;
  writer.begin_object();
  writer.member("name", row.name).member("value", row.value).member("unit", row.unit);
  member_or_null(writer, "baseline", row.baseline);
  member_or_null(writer, "ratio", ratio);
  member_or_null(writer, "goal", row.goal);
  for (const auto& [name, value] : row.details) writer.member(name, value);
  writer.end_object();
  const JsonText document = writer.finish();
  std::printf("%s\n", document.str().c_str());
  std::fflush(stdout);  // A later crash must not take the row along.
}

double percentile(std::vector<double> values, double fraction) {
  if (values.empty()) return 0;
  const auto last = static_cast<double>(values.size() - 1);
  const auto rank = static_cast<std::ptrdiff_t>(std::clamp(fraction, 0.0, 1.0) * last + 0.5);
  std::nth_element(values.begin(), values.begin() + rank, values.end());
  return values[static_cast<std::size_t>(rank)];
}

std::uint64_t peak_resident_bytes() {
  return static_cast<std::uint64_t>(own_usage().ru_maxrss) * 1024U;
}

}  // namespace rwp::benchmarks
