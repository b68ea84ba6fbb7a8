/// A JobAdder for tests and trials, with misbehaviour on demand. See --help, and
/// rwp/testing/fake_jobadder.hpp for its library.

#include <rwp/testing/fake_jobadder.hpp>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <string>

namespace {

/// Blocks the signals that end the program, for all threads; they are waited for below.
sigset_t block_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return set;
}

int run(int argc, char** argv) {
  rwp::testing::FakeJobAdderOptions options;
  options.listen = "127.0.0.1:8099";
  auto& faults = options.faults;
  std::int64_t token_life = options.token_life.count();
  std::int64_t token_delay = 0;
  std::int64_t slow = faults.slow.count();
  CLI::App app("A JobAdder with made-up records and scripted misbehaviour.", "fake_jobadder");
  app.add_option("--listen", options.listen, "Address and port (127.0.0.1:8099)");
  app.add_option("--tls-cert-file", options.tls_certificate_file, "PEM; with the key, TLS alone");
  app.add_option("--tls-key-file", options.tls_key_file, "PEM");
  app.add_option("--job-ads", options.job_ads, "Adverts (20)");
  app.add_option("--candidates", options.candidates, "Candidates (50)");
  app.add_option("--applications", options.applications, "Applications (30)");
  app.add_option("--requests-per-minute", options.requests_per_minute,
                 "Beyond so many a request is 429; 0: no limit");
  app.add_option("--token-life", token_life, "Seconds that a token is good for (3600)")
      ->check(CLI::Range(1, 86'400));
  app.add_option("--token-delay", token_delay, "Milliseconds that an exchange takes")
      ->check(CLI::Range(0, 600'000));
  app.add_option("--throttle-every", faults.throttle_every, "Every N-th request is 429");
  app.add_option("--error-every", faults.error_every, "Every N-th request is 503");
  app.add_option("--reset-every", faults.reset_every, "Every N-th request gets no answer");
  app.add_option("--cut-every", faults.cut_every, "Every N-th answer breaks off");
  app.add_option("--slow-every", faults.slow_every, "Every N-th answer is slow");
  app.add_option("--slow", slow, "So many milliseconds (500)")->check(CLI::Range(0, 600'000));
  app.add_option("--expire-every", faults.expire_every, "Every N-th request ends its token");
  app.add_option("--shift-every", faults.shift_every,
                 "After every N-th page of candidates one is deleted and one updated");
  app.footer(
      "The client is fake-client, its secret fake-client-secret. By HTTP: GET /_fake/counts,\n"
      "/_fake/notes, /_fake/ids/{candidates,jobads,applications}; POST /_fake/touch/TABLE/ID,\n"
      "/_fake/applications/ID/{status/NAME,client/NAME,place}, /_fake/webhooks/STATUS,\n"
      "/_fake/deliver?event=E&id=N&times=N, /_fake/expire, /_fake/calm;\n"
      "DELETE /_fake/candidates/ID.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  options.token_life = std::chrono::seconds(token_life);
  options.token_delay = std::chrono::milliseconds(token_delay);
  faults.slow = std::chrono::milliseconds(slow);
  const sigset_t signals = block_signals();
  std::signal(SIGPIPE, SIG_IGN);
  const auto fake = rwp::testing::FakeJobAdder::start(options);
  if (!fake) {
    std::fprintf(stderr, "fake_jobadder: %s\n", fake.error().message().c_str());
    return 1;
  }
  std::printf("fake_jobadder: serving %s\n", (*fake)->base_url().c_str());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&signals, &signal);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fake_jobadder: %s\n", error.what());
    return 1;
  }
}
