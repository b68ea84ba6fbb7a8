// The analytics pod on core 0, its clients and a Google of our own on core 1.

#include "event_load.hpp"
#include "report.hpp"
#include "server_process.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <random>
#include <string>

namespace {

using namespace rwp::benchmarks;  // NOLINT(google-build-using-namespace): a program of its own.

constexpr double kWanted = 20'000;
constexpr double kRequests = kWanted / 25;

std::string fresh_directory(const Options& options, const std::string& name) {
  const std::filesystem::path path = std::filesystem::path(options.directory) / name;
  std::filesystem::remove_all(path);
  std::filesystem::create_directories(path);
  return path;
}

std::unique_ptr<ServerProcess> start_pod(const std::string& directory, const EventLoad& load) {
  const std::uint16_t port = free_port();
  return std::make_unique<ServerProcess>(
      std::vector<std::string>{program_directory() + "/analytics_pod", "--data-dir", directory,
                               "--allow-anonymous", "--drain-delay", "0s", "--listen",
                               "127.0.0.1:" + std::to_string(port), "--analytics-url",
                               "ga4:http://127.0.0.1:" + std::to_string(load.google_port()) +
                                   "?measurement_id=G-LOAD&names=platform"},
      port);
}

/// As many as it takes, forwarding all the while.
void measure_rate(const Options& options) {
  constexpr double kSeconds = 10;
  EventLoad load(32);
  const auto pod = start_pod(fresh_directory(options, "analytics-rate"), load);
  load.send(pod->port(), 2, 0);  // Warms up.
  const auto accepted = load.accepted();
  const auto arrived = load.arrived();
  const double cpu = pod->cpu_seconds();
  const auto begun = std::chrono::steady_clock::now();
  load.send(pod->port(), kSeconds, 0);
  const double took =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  Row row;
  row.name = "analytics/events";
  row.value = static_cast<double>(load.accepted() - accepted) / took;
  row.unit = "events/s";
  row.baseline = kWanted;
  row.goal = 1;
  row.details.emplace_back("forwarded_per_second",
                           static_cast<double>(load.arrived() - arrived) / took);
  row.details.emplace_back("cpu", (pod->cpu_seconds() - cpu) / took);
  load.await_arrivals(20);
  row.details.emplace_back(
      "drained_after_seconds",
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count() - took);
  row.details.emplace_back("lost", static_cast<double>(load.lost()));
  row.details.emplace_back("repeated", static_cast<double>(load.repeated()));
  print(row);
}

/// At the wanted rate, and on time.
void measure_paced(const Options& options) {
  constexpr double kSeconds = 15;
  EventLoad load(64);
  const auto pod = start_pod(fresh_directory(options, "analytics-paced"), load);
  const double cpu = pod->cpu_seconds();
  load.send(pod->port(), kSeconds, kRequests);
  const double behind = static_cast<double>(load.lost());
  Row row;
  row.name = "analytics/p99_at_20000_events";
  row.value = percentile(load.latencies(), 0.99);
  row.unit = "us";
  row.lower_is_better = true;
  row.details.emplace_back("events_per_second", static_cast<double>(load.accepted()) / kSeconds);
  row.details.emplace_back("cpu", (pod->cpu_seconds() - cpu) / kSeconds);
  row.details.emplace_back("not_forwarded_at_the_end", behind);
  load.await_arrivals(20);
  row.details.emplace_back("lost", static_cast<double>(load.lost()));
  print(row);
}

/// The pod is killed at random moments, and Google is away for a third of the time.
void measure_faults(const Options& options) {
  const double outage = options.long_rows ? 120 : 12;
  const double whole = 3 * outage;
  EventLoad load(32);
  const std::string directory = fresh_directory(options, "analytics-faults");
  std::mt19937 random(std::random_device{}());
  std::uniform_real_distribution<double> between(0.5, 4);
  auto pod = start_pod(directory, load);
  int kills = 0;
  const auto begun = std::chrono::steady_clock::now();
  const auto passed = [begun] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  };
  while (passed() < whole) {
    load.set_outage(passed() > outage && passed() < 2 * outage);
    load.send(pod->port(), between(random), kRequests, false);
    pod->kill();
    ++kills;
    load.disconnect();
    pod = start_pod(directory, load);
  }
  load.set_outage(false);
  load.send(pod->port(), 2, kRequests);
  load.await_arrivals(60);
  Row row;
  row.name = "analytics/lost_over_kills_and_outage";
  row.value = static_cast<double>(load.lost());
  row.unit = "events";
  row.lower_is_better = true;
  row.details.emplace_back("accepted", static_cast<double>(load.accepted()));
  row.details.emplace_back("repeated_under_their_id", static_cast<double>(load.repeated()));
  row.details.emplace_back("kills", kills);
  row.details.emplace_back("outage_seconds", outage);
  print(row);
  if (load.lost() > 0) std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse_options(argc, argv);
  pin_to_core(1);
  if (options.wants("analytics/events")) measure_rate(options);
  if (options.wants("analytics/p99_at_20000_events")) measure_paced(options);
  if (options.wants("analytics/lost_over_kills_and_outage")) measure_faults(options);
  return 0;
}
