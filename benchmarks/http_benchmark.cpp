// The server beside nginx and a bare Boost.Beast, each on core 0, with the load from core 1,
// measured in turn in the same run.

#include "http_load.hpp"
#include "report.hpp"
#include "server_process.hpp"

#include <algorithm>
#include <cstdio>
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

double rate_of(std::uint16_t port, const std::string& request) {
  LoadOptions load;
  load.port = port;
  load.request = request;
  load.seconds = kSeconds;
  return run_load(load).requests_per_second;
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
  const std::string file = directory + "/nginx.conf";
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
    std::fprintf(stderr, "http_benchmark: no nginx here; http/health is left out\n");
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

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse_options(argc, argv);
  pin_to_core(1);
  if (options.wants("http/health")) measure_health(options);
  return 0;
}
