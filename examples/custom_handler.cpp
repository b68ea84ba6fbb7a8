// Runs jobs of a kind of its own until Ctrl-C, then finishes what it has begun.
//   custom_handler [URL]   (sqlite:tutorial.db)
#include <rwp/rwp.hpp>

#include <csignal>
#include <iostream>
#include <sstream>

struct CountWords {  // What the job is told.
  std::string text;
  static constexpr std::string_view job_kind = "text.count_words";
  static constexpr auto describe() { return std::tuple{rwp::field("text", &CountWords::text)}; }
};

struct Counted {  // What it answers.
  int words = 0;
  static constexpr auto describe() { return std::tuple{rwp::field("words", &Counted::words)}; }
};

rwp::jobs::Awaitable<rwp::Result<Counted>> count(CountWords job, rwp::jobs::JobContext& context) {
  if (job.text.empty()) co_return rwp::Error(rwp::Errc::invalid_argument, "text: is empty");
  Counted counted;
  std::istringstream words(job.text);
  for (std::string word; words >> word; ++counted.words) {
    if (context.stop_requested()) co_return context.hand_back();   // Another run begins anew.
    (void)co_await rwp::sleep_for(std::chrono::milliseconds(10));  // As if a service were asked.
    context.progress(static_cast<double>(words.tellg()) / static_cast<double>(job.text.size()));
  }
  co_return counted;
}

int main(int argc, char** argv) {
  sigset_t ends{};  // Blocked before there are threads, so that sigwait() below gets them.
  for (const int number : {SIGINT, SIGTERM}) sigaddset(&ends, number);
  pthread_sigmask(SIG_BLOCK, &ends, nullptr);

  rwp::Runtime control;
  rwp::Runtime handlers;
  const auto* url = argc > 1 ? argv[1] : "sqlite:tutorial.db";
  const auto store = rwp::builtin_schemes().open<rwp::jobs::JobStore>(url, control).value();
  rwp::jobs::Worker worker(store, handlers);
  worker.handle<CountWords>(&count);
  worker.start();
  int number = 0;
  sigwait(&ends, &number);
  worker.stop();
  worker.wait_stopped().value();
}
