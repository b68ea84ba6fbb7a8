// Ours as one of the peers of benchmarks/peers/on_servers, on any jobs URL: reads requests from
// standard input and answers each, a JSON object a line (the protocol is in run.py there).
//
//   jobs_load postgres | tiered | URL
//
// Besides: {"do": "work", "on": true} keeps a worker until told otherwise; {"do": "told", "count":
// N, "gap_ms": G, …} answers {"us": [...]}: submit to hearing of the end, here or in another
// process. "postgres" is the URL of the server that the request names; "tiered" that one and its
// Redis, with OPTIONS of the tiered store as in "tiered?window=10000".

#include <rwp/builtin_schemes.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/json.hpp>
#include <rwp/jobs/job_store.hpp>
#include <rwp/jobs/typed.hpp>
#include <rwp/jobs/worker.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <future>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace rwp;  // NOLINT(google-build-using-namespace): a program of its own.
using Json = nlohmann::json;
using Steady = std::chrono::steady_clock;

constexpr unsigned kBatch = 1'000;
constexpr unsigned kBatchCallers = 2;
constexpr std::chrono::minutes kPatience{10};

struct NoOp {
  std::string text{};
  static constexpr std::string_view job_kind = "benchmark.no_op";
  static constexpr auto describe() { return std::tuple{field("text", &NoOp::text)}; }
};

/// With its quotes, 20 bytes of result.
const JsonText kResult = JsonText::trusted("\"" + std::string(18, 'r') + "\"");

double seconds_since(Steady::time_point began) {
  return std::chrono::duration<double>(Steady::now() - began).count();
}

template <class T>
T must(Result<T> result) {
  return std::move(result.value());
}

/// One caller: takes numbers until none is left, `batch` jobs a call.
jobs::Awaitable<void> submit(std::shared_ptr<jobs::JobStore> store, std::string text,
                             std::atomic<unsigned>* left, unsigned batch) {
  const NoOp arguments{.text = std::move(text)};
  while (true) {
    unsigned before = left->load();
    const unsigned taken = std::min(before, batch);
    if (taken == 0) co_return;
    if (!left->compare_exchange_strong(before, before - taken)) continue;
    std::vector<jobs::NewJob> jobs;
    jobs.reserve(taken);
    for (unsigned i = 0; i < taken; ++i) jobs.push_back(jobs::to_new_job(arguments));
    auto answers = co_await store->insert(std::move(jobs));
    for (const auto& answer : answers.value()) (void)answer.value();
  }
}

jobs::Awaitable<Result<JsonText>> no_op(jobs::JobContext& /*context*/) { co_return kResult; }

class Load {
 public:
  explicit Load(std::string url) : url_(std::move(url)) {}

  Json answer(const Json& request) {
    const std::string what = request.at("do").get<std::string>();
    if (what == "hello") return hello(request);
    if (what == "clear") return clear();
    if (what == "work") return work(request.at("on").get<bool>());
    const unsigned count = request.at("count").get<unsigned>();
    if (what == "load") return submit_from(kBatchCallers, count, kBatch, request);
    if (what == "submit")
      return submit_from(request.at("callers").get<unsigned>(), count, 1, request);
    if (what == "drain") return drain(count);
    if (what == "pickup") return pickup(count, request);
    if (what == "told") return told(count, request);
    if (what == "work_off") return work_off(count);
    if (what == "sustain") return sustain(count, request);
    return {{"error", "no such request: " + what}};
  }

 private:
  std::string url_of(const Json& request) const {
    const auto postgres = [&] { return request.at("postgres").get<std::string>(); };
    if (url_ == "postgres") return postgres();
    if (!url_.starts_with("tiered?") && url_ != "tiered") return url_;
    return "tiered:" + postgres() + "," + request.at("redis").get<std::string>() + url_.substr(6);
  }

  Json hello(const Json& request) {
    const std::string url = url_of(request);
    store_ = must(builtin_schemes().open<jobs::JobStore>(url, control_));
    return {{"version", "0.1.0"},
            {"settings", url_ + ", concurrency 16, inserts of 1000 from 2 callers"}};
  }

  /// Without a worker that takes them, jobs that are left are cancelled.
  Json clear() {
    jobs::JobFilter filter;
    filter.states = jobs::StateSet{jobs::JobState::ready};
    auto cancelling = store_->cancel_where(filter);
    (void)must(block_on(control_, std::move(cancelling)));
    return Json::object();
  }

  Json submit_from(unsigned callers, unsigned count, unsigned batch, const Json& request) {
    // With its key and quotes, as many bytes as asked for.
    const std::string text(request.at("bytes").get<std::size_t>() - 11, 'a');
    std::atomic<unsigned> left = count;
    std::atomic<unsigned> running = callers;
    std::promise<void> all_ended;
    std::exception_ptr thrown;
    const auto began = Steady::now();
    for (unsigned i = 0; i < callers; ++i) {
      spawn(control_.executor(), submit(store_, text, &left, batch), [&](std::exception_ptr why) {
        if (why) thrown = why;
        if (--running == 0) all_ended.set_value();
      });
    }
    all_ended.get_future().wait();
    if (thrown) std::rethrow_exception(thrown);
    return {{"seconds", seconds_since(began)}};
  }

  std::int64_t succeeded() {
    auto counting = store_->counts();
    std::int64_t ended = 0;
    for (const auto& queue : must(block_on(control_, std::move(counting)))) {
      ended += queue.states[static_cast<std::size_t>(jobs::JobState::succeeded)];
    }
    return ended;
  }

  Json drain(unsigned count) {
    const std::int64_t before = succeeded();
    jobs::Worker worker(store_, handlers_);
    worker.handle(std::string(NoOp::job_kind), &no_op);
    const auto began = Steady::now();
    worker.start();
    while (worker.statistics().succeeded < count &&
           seconds_since(began) < kPatience / std::chrono::seconds(1)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    const double seconds = seconds_since(began);
    worker.stop();
    (void)worker.wait_stopped();
    if (succeeded() - before != count) return {{"error", "not all jobs succeeded"}};
    return {{"seconds", seconds}};
  }

  /// As drain(), where more jobs wait than are to be run.
  Json work_off(unsigned count) {
    jobs::Worker worker(store_, handlers_);
    worker.handle(std::string(NoOp::job_kind), &no_op);
    const auto began = Steady::now();
    worker.start();
    while (worker.statistics().succeeded < count &&
           seconds_since(began) < kPatience / std::chrono::seconds(1)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    const double seconds = seconds_since(began);
    const auto done = worker.statistics().succeeded;
    worker.stop();
    (void)worker.wait_stopped();
    return {{"seconds", seconds}, {"done", done}};
  }

  /// `count` jobs a second for so many seconds, beside a worker; what ended in each second.
  Json sustain(unsigned count, const Json& request) {
    jobs::Worker worker(store_, handlers_);
    worker.handle(std::string(NoOp::job_kind), &no_op);
    worker.start();
    constexpr unsigned kPartsOfASecond = 100;
    const unsigned seconds = request.at("seconds").get<unsigned>();
    const std::string text(request.at("bytes").get<std::size_t>() - 11, 'a');
    std::atomic<unsigned> running = 0;
    Json ended = Json::array();
    std::uint64_t before = 0;
    auto next = Steady::now();
    for (unsigned part = 1; part <= seconds * kPartsOfASecond; ++part) {
      // Those that are late are made up for; a server that cannot keep up shows in what ends.
      auto left = std::make_shared<std::atomic<unsigned>>(count / kPartsOfASecond);
      if (running < 64) {
        ++running;
        spawn(control_.executor(), submit(store_, text, left.get(), kBatch),
              [&running, left](std::exception_ptr) { --running; });
      }
      next += std::chrono::milliseconds(1'000 / kPartsOfASecond);
      std::this_thread::sleep_until(next);
      if (part % kPartsOfASecond != 0) continue;
      const std::uint64_t now = worker.statistics().succeeded;
      ended.push_back(now - before);
      before = now;
    }
    while (running > 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    worker.stop();
    (void)worker.wait_stopped();
    return {{"ended", std::move(ended)}};
  }

  Json pickup(unsigned count, const Json& request) {
    jobs::Worker worker(store_, handlers_);
    std::atomic<Steady::time_point> started{Steady::time_point()};
    worker.handle(std::string(NoOp::job_kind), [&started](jobs::JobContext& context) {
      started = Steady::now();
      started.notify_one();
      return no_op(context);
    });
    worker.start();
    const std::chrono::milliseconds gap(request.at("gap_ms").get<int>());
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    Json times = Json::array();
    for (unsigned i = 0; i < count; ++i) {
      started = Steady::time_point();
      const auto before = Steady::now();
      (void)submit_from(1, 1, 1, request);
      started.wait(Steady::time_point());
      times.push_back(std::chrono::duration<double, std::micro>(started.load() - before).count());
      std::this_thread::sleep_for(gap);
    }
    worker.stop();
    (void)worker.wait_stopped();
    return {{"us", std::move(times)}};
  }

  /// A worker that stays until it is told otherwise.
  Json work(bool on) {
    if (worker_) {
      worker_->stop();
      (void)worker_->wait_stopped();
      worker_.reset();
    }
    if (on) {
      worker_ = std::make_unique<jobs::Worker>(store_, handlers_);
      worker_->handle(std::string(NoOp::job_kind), &no_op);
      worker_->start();
    }
    return Json::object();
  }

  /// From the submit until whoever waits for the job's end hears of it; some worker is at work,
  /// here or elsewhere.
  Json told(unsigned count, const Json& request) {
    const NoOp arguments{.text = std::string(request.at("bytes").get<std::size_t>() - 11, 'a')};
    const std::chrono::milliseconds gap(request.at("gap_ms").get<int>());
    Json times = Json::array();
    for (unsigned i = 0; i < count; ++i) {
      const jobs::NewJob job = jobs::to_new_job(arguments);
      const auto before = Steady::now();
      auto submitting = store_->insert({job});
      const Uuid id = must(must(block_on(control_, std::move(submitting)))[0]).id;
      auto waiting = store_->wait_for_end({id}, Steady::now() + kPatience);
      const auto ended = must(must(block_on(control_, std::move(waiting)))[0]);
      times.push_back(std::chrono::duration<double, std::micro>(Steady::now() - before).count());
      if (ended.state != jobs::JobState::succeeded) return {{"error", "a job did not succeed"}};
      std::this_thread::sleep_for(gap);
    }
    return {{"us", std::move(times)}};
  }

  const std::string url_;
  Runtime control_;
  Runtime handlers_;
  std::shared_ptr<jobs::JobStore> store_;
  std::unique_ptr<jobs::Worker> worker_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: jobs_load postgres | URL\n");
    return 2;
  }
  Load load(argv[1]);
  std::string line;
  while (std::getline(std::cin, line)) {
    Json answer;
    try {
      answer = load.answer(Json::parse(line));
    } catch (const std::exception& problem) {
      answer = {{"error", problem.what()}};
    }
    std::cout << answer.dump() << std::endl;
  }
  return 0;
}
