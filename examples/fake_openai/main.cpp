/// An OpenAI-compatible server for tests and trials, with misbehaviour on demand. It answers with
/// the offline model. See --help, and rwp/testing/fake_openai.hpp for its library.

#include "options.hpp"

#include <csignal>
#include <cstdio>
#include <exception>

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
  const auto parsed = fake_openai::parse(argc, argv);
  if (parsed.exit_code) return *parsed.exit_code;
  const sigset_t signals = block_signals();
  std::signal(SIGPIPE, SIG_IGN);
  const auto fake = rwp::testing::FakeOpenAi::start(parsed.options);
  if (!fake) {
    std::fprintf(stderr, "fake_openai: %s\n", fake.error().message().c_str());
    return 1;
  }
  (*fake)->play(parsed.script);
  std::printf("fake_openai: serving %s\n", (*fake)->base_url().c_str());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&signals, &signal);
  std::printf("fake_openai: %llu requests\n",
              static_cast<unsigned long long>((*fake)->request_count()));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fake_openai: %s\n", error.what());
    return 1;
  }
}
