// The server beside nginx and a bare Boost.Beast, each on core 0, with the load from core 1,
// measured in turn in the same run.

#include "http_load.hpp"
#include "report.hpp"
#include "server_process.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

namespace {

using namespace rwp::benchmarks;  // NOLINT(google-build-using-namespace): a program of its own.

constexpr int kRounds = 3;
constexpr double kSeconds = 3;

std::string get(const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: benchmark\r\n\r\n";
}

std::string post(const std::string& key) {
  const std::string body =
      R"({"kind":"benchmark.no_op","payload":{"text":")" + std::string(189, 'a') + "\"}}";
  return "POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n" +
         (key.empty() ? "" : "Authorization: Bearer " + key + "\r\n") +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

LoadResult load(std::uint16_t port, const std::string& request, double rate) {
  LoadOptions options;
  options.port = port;
  options.request = request;
  options.seconds = kSeconds;
  options.rate = rate;
  LoadResult result = run_load(options);
  if (result.failed > 0) {
    std::fprintf(stderr, "http_benchmark: %llu requests failed\n",
                 static_cast<unsigned long long>(result.failed));
    std::exit(1);
  }
  return result;
}

/// As many as 64 connections get answered.
double rate_of(std::uint16_t port, const std::string& request) {
  return load(port, request, 0).requests_per_second;
}

/// At 70 % of that, begun whatever the server does.
double p99_of(std::uint16_t port, const std::string& request, double highest) {
  return percentile(load(port, request, 0.7 * highest).latencies, 0.99);
}

struct Pair {
  double ours = 0;
  double other = 0;
};

Pair median(std::vector<Pair> rounds) {
  std::sort(rounds.begin(), rounds.end(), [](const Pair& left, const Pair& right) {
    return left.ours / left.other < right.ours / right.other;
  });
  return rounds[rounds.size() / 2];
}

void report_p99(const std::string& name, const Pair& pair) {
  Row row;
  row.name = name;
  row.value = pair.ours;
  row.unit = "us";
  row.baseline = pair.other;
  row.goal = 1.0 / 3;
  row.lower_is_better = true;
  print(row);
}

void report(const std::string& name, const Pair& pair, std::optional<double> goal) {
  Row row;
  row.name = name;
  row.value = pair.ours;
  row.unit = "requests/s";
  row.baseline = pair.other;
  row.goal = goal;
  print(row);
}

std::string find_nginx() {
  for (const char* path : {"/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"}) {
    if (std::filesystem::exists(path)) return path;
  }
  return {};
}

/// One worker that answers a constant, without a log.
std::string write_nginx_configuration(const std::string& directory, std::uint16_t port) {
  std::string file = directory + "/nginx.conf";
  std::ofstream out(file);
  out << "daemon off;\nmaster_process off;\nerror_log stderr crit;\npid " << directory
      << "/nginx.pid;\nevents { worker_connections 1024; }\nhttp {\n  access_log off;\n"
      << "  keepalive_requests 1000000000;\n  client_body_temp_path " << directory << "/body;\n"
      << "  proxy_temp_path " << directory << "/proxy;\n  fastcgi_temp_path " << directory
      << "/fastcgi;\n  uwsgi_temp_path " << directory << "/uwsgi;\n  scgi_temp_path " << directory
      << "/scgi;\n  server {\n    listen 127.0.0.1:" << port
      << ";\n    location = /health {\n      default_type application/json;\n"
      << "      return 200 '{\"status\":\"ok\"}';\n    }\n  }\n}\n";
  return file;
}

void measure_health(const Options& options) {
  const std::string nginx = find_nginx();
  if (nginx.empty()) {
    std::fprintf(stderr,
                 "http_benchmark: no nginx here (package nginx-light); http/health is left out\n");
    return;
  }
  const std::uint16_t port = free_port();
  const std::string file = write_nginx_configuration(options.directory, port);
  const ServerProcess theirs({nginx, "-c", file, "-e", "stderr"}, port);
  const ServerProcess ours({program_directory() + "/http_benchmark_server"}, 0);
  std::vector<Pair> rounds;
  for (int round = 0; round < kRounds; ++round) {
    Pair pair;
    pair.other = rate_of(theirs.port(), get("/health"));
    pair.ours = rate_of(ours.port(), get("/health"));
    rounds.push_back(pair);
  }
  report("http/health", median(std::move(rounds)), 0.5);
}

/// The same requests at the server alone and at a bare Beast: what routes, limits, deadlines and
/// metrics cost.
void measure_bare(const std::string& name, const std::string& request) {
  const ServerProcess theirs({program_directory() + "/baseline_beast_server"}, 0);
  const ServerProcess ours({program_directory() + "/http_benchmark_server"}, 0);
  std::vector<Pair> rates;
  std::vector<Pair> tails;
  for (int round = 0; round < kRounds; ++round) {
    Pair rate;
    rate.other = rate_of(theirs.port(), request);
    rate.ours = rate_of(ours.port(), request);
    Pair tail;
    tail.other = p99_of(theirs.port(), request, rate.other);
    tail.ours = p99_of(ours.port(), request, rate.ours);
    rates.push_back(rate);
    tails.push_back(tail);
  }
  report(name, median(std::move(rates)), std::nullopt);
  report_p99(name + "_p99", median(std::move(tails)));
}

/// A data directory of one measurement.
std::string fresh_directory(const Options& options, const std::string& name) {
  const std::filesystem::path path = std::filesystem::path(options.directory) / name;
  std::filesystem::remove_all(path);
  std::filesystem::create_directories(path);
  return path;
}

/// POST /v1/jobs at the api pod, with a key, durable when answered; beside a bare Beast that parses
/// the same and stores nothing, and 64 callers of the store within one process.
void measure_post_jobs(const Options& options) {
  const std::string programs = program_directory();
  const std::string keys = options.directory + "/api_keys";
  std::filesystem::remove(keys);
  std::string key = run_on_core_0(programs + "/api_pod --new-key benchmark --scopes " +
                                  "jobs:read,jobs:write --api-keys-file " + keys);
  key.erase(key.find_last_not_of('\n') + 1);
  const ServerProcess bare({programs + "/baseline_beast_server"}, 0);
  struct Round {
    double ours = 0;
    double bare = 0;
    double group_commit = 0;
    double least() const { return std::min(0.4 * bare, 0.75 * group_commit); }
  };
  std::vector<Round> rounds;
  std::vector<Pair> tails;
  for (int i = 0; i < kRounds; ++i) {
    Round round;
    const std::string own = fresh_directory(options, "group-commit");
    round.group_commit = std::stod(run_on_core_0(programs + "/group_commit_rate " + own + " " +
                                                 std::to_string(static_cast<int>(kSeconds))));
    round.bare = rate_of(bare.port(), post(""));
    Pair tail;
    tail.other = p99_of(bare.port(), post(""), round.bare);
    const std::uint16_t port = free_port();
    const ServerProcess pod(
        {programs + "/api_pod", "--data-dir", fresh_directory(options, "api"), "--api-keys-file",
         keys, "--drain-delay", "0s", "--listen", "127.0.0.1:" + std::to_string(port)},
        port);
    round.ours = rate_of(port, post(key));
    tail.ours = p99_of(port, post(key), round.ours);
    rounds.push_back(round);
    tails.push_back(tail);
  }
  std::sort(rounds.begin(), rounds.end(), [](const Round& left, const Round& right) {
    return left.ours / left.least() < right.ours / right.least();
  });
  const Round& round = rounds[rounds.size() / 2];
  Row row;
  row.name = "http/post_jobs";
  row.value = round.ours;
  row.unit = "requests/s";
  row.baseline = round.least();
  row.goal = 1;
  row.details.emplace_back("bare_beast", round.bare);
  row.details.emplace_back("of_bare_beast", round.ours / round.bare);
  row.details.emplace_back("group_commit", round.group_commit);
  row.details.emplace_back("of_group_commit", round.ours / round.group_commit);
  print(row);
  report_p99("http/post_jobs_p99", median(std::move(tails)));
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse_options(argc, argv);
  pin_to_core(1);
  if (options.wants("http/health")) measure_health(options);
  if (options.wants("http/get_bare_p99")) measure_bare("http/get_bare", get("/health"));
  if (options.wants("http/post_bare_p99")) measure_bare("http/post_bare", post(""));
  if (options.wants("http/post_jobs_p99")) measure_post_jobs(options);
  return 0;
}
