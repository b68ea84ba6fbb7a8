// The Python package and the C++ client: the same jobs in the same
// batches, in turn in the same run. RWP_PYTHON_PROGRAM, RWP_PYTHON_PACKAGE and RWP_PYTHON_SUBMIT
// are set by the build.

#include "report.hpp"
#include <rwp/builtin_schemes.hpp>
#include <rwp/jobs/client.hpp>
#include <rwp/jobs/typed.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace rwp;              // NOLINT(google-build-using-namespace): a program of its own.
using namespace rwp::benchmarks;  // NOLINT(google-build-using-namespace)

constexpr int kRounds = 3;
constexpr unsigned kBatches = 60;
constexpr unsigned kBatch = 1'000;
constexpr double kJobs = kBatches * kBatch;
constexpr double kGoal = 0.6;

struct NoOp {
  std::string text{};
  static constexpr std::string_view job_kind = "benchmark.no_op";
  static constexpr auto describe() { return std::tuple{field("text", &NoOp::text)}; }
};

/// With its key and quotes, 200 bytes of payload.
const NoOp kArguments{.text = std::string(189, 'a')};

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "python_benchmark: %s\n", why.c_str());
  std::exit(1);  // NOLINT(concurrency-mt-unsafe): nothing is measured any more.
}

/// A fresh file for one measurement.
std::string fresh_file(const Options& options, const std::string& name) {
  const auto directory = std::filesystem::path(options.directory) / "rwp-benchmark-python";
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  return (directory / name).string();
}

double rate_of_cpp(const std::string& file) {
  auto client = Client::open("sqlite:" + file, builtin_schemes());
  if (!client) give_up(client.error().to_string());
  const Meter meter;
  for (unsigned i = 0; i < kBatches; ++i) {
    std::vector<jobs::NewJob> jobs;
    jobs.reserve(kBatch);
    for (unsigned j = 0; j < kBatch; ++j) jobs.push_back(jobs::to_new_job(kArguments));
    const auto answers = client->submit_many(std::move(jobs));
    if (!answers) give_up(answers.error().to_string());
    for (const auto& answer : *answers) {
      if (!answer) give_up(answer.error().to_string());
    }
  }
  return kJobs / meter.cost().wall_seconds;
}

double rate_of_python(const std::string& file) {
  const std::string command =
      "PYTHONPATH='" RWP_PYTHON_PACKAGE "' '" RWP_PYTHON_PROGRAM "' '" RWP_PYTHON_SUBMIT "' '" +
      file + "' " + std::to_string(kBatches) + " " + std::to_string(kBatch) + " " + kArguments.text;
  // NOLINTNEXTLINE(cert-env33-c): a command of the build's own making.
  FILE* const output = popen(command.c_str(), "r");
  if (output == nullptr) give_up("Python cannot be started");
  double seconds = 0;
  std::array<char, 64> line{};
  if (std::fgets(line.data(), line.size(), output) != nullptr) seconds = std::atof(line.data());
  if (pclose(output) != 0 || seconds <= 0) give_up("the Python side failed");
  return kJobs / seconds;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse_options(argc, argv);
  if (!options.wants("python/submit_many_1000")) return 0;
  std::vector<std::pair<double, double>> rounds;  // Python's rate, C++'s.
  for (int round = 0; round < kRounds; ++round) {
    const double cpp = rate_of_cpp(fresh_file(options, "cpp.db"));
    rounds.emplace_back(rate_of_python(fresh_file(options, "python.db")), cpp);
  }
  std::filesystem::remove_all(std::filesystem::path(options.directory) / "rwp-benchmark-python");
  std::sort(rounds.begin(), rounds.end(), [](const auto& left, const auto& right) {
    return left.first / left.second < right.first / right.second;
  });
  Row row;
  row.name = "python/submit_many_1000";
  row.value = rounds[kRounds / 2].first;
  row.unit = "jobs/s";
  row.baseline = rounds[kRounds / 2].second;
  row.goal = kGoal;
  print(row);
  return 0;
}
