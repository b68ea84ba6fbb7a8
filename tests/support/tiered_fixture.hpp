#pragma once

#include "support/manual_clock.hpp"
#include "support/postgres_fixture.hpp"
#include "support/redis_fixture.hpp"
#include <rwp/jobs/worker.hpp>
#include <rwp/jobs_postgres/postgres_job_store.hpp>
#include <rwp/jobs_tiered/tiered_job_store.hpp>
#include <rwp/observability/metrics.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace rwp::tests {

/// What the handlers of a test have run, and whether a job was run while another run of it, which
/// had not been told to stop, went on. Threads: safe to share.
class Runs {
 public:
  /// Kind "k" ends at once; "slow" when release() has been called.
  void register_with(jobs::Worker& worker) {
    worker.handle("k", [this](jobs::JobContext& context) { return run_quickly(context); });
    worker.handle("slow", [this](jobs::JobContext& context) { return run_slowly(context); });
  }
  void release() { released_ = true; }

  std::size_t active() const {
    const std::lock_guard lock(mutex_);
    std::size_t count = 0;
    for (const auto& [id, contexts] : active_) count += contexts.size();
    return count;
  }
  /// The slow jobs that run now, each with its run's token.
  std::vector<std::pair<Uuid, std::uint64_t>> tokens() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::pair<Uuid, std::uint64_t>> tokens;
    for (const auto& [id, contexts] : active_) {
      for (const auto* context : contexts) {
        if (context->job().kind == "slow") tokens.emplace_back(id, context->run_token());
      }
    }
    return tokens;
  }
  std::size_t begun() const { return begun_; }
  std::size_t run_twice_at_once() const { return overlaps_; }
  int most_runs_of_a_slow_job() const {
    const std::lock_guard lock(mutex_);
    int most = 0;
    for (const auto& [id, times] : slow_runs_) most = std::max(most, times);
    return most;
  }

 private:
  void begin(jobs::JobContext& context) {
    const std::lock_guard lock(mutex_);
    ++begun_;
    auto& others = active_[context.id()];
    overlaps_ += static_cast<std::size_t>(std::count_if(
        others.begin(), others.end(), [](const auto* other) { return !other->stop_requested(); }));
    others.push_back(&context);
  }
  void end(jobs::JobContext& context) {
    const std::lock_guard lock(mutex_);
    auto& contexts = active_[context.id()];
    std::erase(contexts, &context);
    if (contexts.empty()) active_.erase(context.id());
  }
  jobs::Awaitable<Result<JsonText>> run_quickly(jobs::JobContext& context) {
    begin(context);
    end(context);
    co_return JsonText::trusted("1");
  }
  jobs::Awaitable<Result<JsonText>> run_slowly(jobs::JobContext& context) {
    begin(context);
    {
      const std::lock_guard lock(mutex_);
      ++slow_runs_[context.id()];
    }
    while (!released_ && !context.stop_requested()) {
      if (!co_await sleep_for(std::chrono::milliseconds(5))) break;
    }
    end(context);
    co_return JsonText::trusted("1");
  }

  mutable std::mutex mutex_;
  std::map<Uuid, std::vector<jobs::JobContext*>> active_;
  std::map<Uuid, int> slow_runs_;
  std::atomic<std::size_t> begun_{0};
  std::atomic<std::size_t> overlaps_{0};
  std::atomic<bool> released_{false};
};

/// A tiered store on a database and a Redis of its own. A clock that stands judges leases in Redis,
/// and those of the record and the worker's own view of them are long, so that none lapses because
/// the machine is slow.
class TieredTest : public PostgresTest {
 protected:
  static constexpr std::chrono::seconds kLease{60};

  std::shared_ptr<jobs::JobStore> open_tiered(const std::string& record, const std::string& redis,
                                              std::chrono::milliseconds patience = kGuard / 2) {
    jobs_tiered::TieredOptions options;
    options.clock = clock_;
    options.look_every = look_every_;
    options.metrics = metrics_;
    const auto separator = redis.find('?') == std::string::npos ? "?" : "&";
    const auto url = Url::parse(redis + separator + "connect_timeout=1s").value();
    jobs_postgres::PostgresOptions keeping;
    keeping.patience = patience;
    keeping.metrics = metrics_;
    auto kept = jobs_postgres::open_postgres_record(runtime_, Url::parse(record).value(), keeping);
    return jobs_tiered::open_tiered_job_store(runtime_, std::move(kept.value()), url,
                                              std::move(options))
        .value();
  }

  jobs::WorkerOptions worker_options() const {
    jobs::WorkerOptions options;
    options.lease = kLease;
    options.heartbeat_every = std::chrono::milliseconds(500);
    options.rescue_every = std::chrono::milliseconds(200);
    options.drain_grace = std::chrono::milliseconds(0);
    options.stop_grace = kLease;
    return options;
  }
  std::unique_ptr<jobs::Worker> work(const std::shared_ptr<jobs::JobStore>& store) {
    auto worker = std::make_unique<jobs::Worker>(store, handlers_, worker_options());
    runs_.register_with(*worker);
    worker->start();
    return worker;
  }

  /// Remembers what was acknowledged. What is answered that nobody knows its outcome is repeated.
  void submit(jobs::JobStore& store, const std::string& kind, std::size_t count) {
    constexpr std::size_t kBatch = 1'000;
    for (std::size_t done = 0; done < count; done += kBatch) {
      std::vector<jobs::NewJob> some(std::min(kBatch, count - done), jobs::NewJob{.kind = kind});
      if (kind == "slow") {
        for (auto& job : some) job.priority = jobs::Priority::urgent;
      }
      for (auto& job : some) job.id = Uuid::make_v7();
      auto answers = wait(store.insert(some));
      for (int tries = 0; !answers && tries < 20; ++tries) answers = wait(store.insert(some));
      ASSERT_TRUE(answers.has_value()) << answers.error().to_string();
      for (const auto& answer : *answers) {
        ASSERT_TRUE(answer.has_value()) << answer.error().to_string();
        acknowledged_.insert(answer->id);
      }
    }
  }

  template <class Condition>
  static bool eventually(Condition condition,
                         std::chrono::seconds guard = std::chrono::seconds(120)) {
    const auto deadline = std::chrono::steady_clock::now() + guard;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
  }
  /// How many of the slow jobs' runs Redis has the lease of.
  std::size_t leased(const RedisServer& redis) const {
    std::string command =
        "EVAL \"local n = 0 for _, run in ipairs(ARGV) do"
        " local bytes = run:gsub('..', function(c) return string.char(tonumber(c, 16)) end)"
        " local lease = redis.call('HGET', KEYS[1], bytes:sub(1, 16))"
        " if lease and lease:sub(2, 9) == bytes:sub(17) then n = n + 1 end end return n\""
        " 1 rwp:{jobs}:l";
    for (const auto& [id, token] : runs_.tokens()) {
      std::string text = id.to_string();
      std::erase(text, '-');
      std::array<char, 17> digits{};
      std::snprintf(digits.data(), digits.size(), "%016llx",
                    static_cast<unsigned long long>(token));
      command += " " + text + digits.data();
    }
    return std::stoul(redis.cli(command));
  }
  /// Waits until a closed Redis has been asked for its opening and has the leases of all slow runs
  /// again, and of so many at least, then lets the time pass that it must be closed for. Where
  /// nothing runs it is opened at once.
  void let_it_be_opened(const RedisServer& redis, std::size_t leases) {
    ASSERT_TRUE(eventually([&] {
      if (leases == 0 && redis.cli("EXISTS rwp:{jobs}:open") == "1") return true;
      return redis.cli("EXISTS rwp:{jobs}:opening") == "1" &&
             leased(redis) >= std::max(leases, runs_.tokens().size());
    })) << leased(redis);
    clock_->pass(kLease * 2 / 3 + std::chrono::milliseconds(1'001));
    ASSERT_TRUE(eventually([&] { return redis.cli("EXISTS rwp:{jobs}:open") == "1"; }));
  }

  /// On the server that keeps the record.
  std::string sql(const std::string& text) const {
    return (record_server_ != nullptr ? *record_server_ : server()).execute(text, database_);
  }

  /// What the metrics say of a series; 0 where there is none.
  double shown(const std::string& series) const {
    const std::string text = "\n" + metrics_->expose();
    const auto at = text.find("\n" + series + " ");
    return at == std::string::npos ? 0 : std::stod(text.substr(at + series.size() + 2));
  }
  std::size_t ended() const { return std::stoul(sql("SELECT count(*) FROM rwp.ended")); }
  /// Until every job has ended. When none does for a while, the workers are stopped, which then
  /// have written what their runs came to and hold nothing; so the time of all leases passes, and
  /// another worker goes on.
  void work_off(const std::shared_ptr<jobs::JobStore>& store,
                std::initializer_list<std::unique_ptr<jobs::Worker>*> workers) {
    using std::chrono::steady_clock;
    runs_.release();
    std::unique_ptr<jobs::Worker> another;
    std::size_t before = 0;
    auto changed = steady_clock::now();
    const auto deadline = steady_clock::now() + std::chrono::seconds(120);
    while (true) {
      const std::size_t now = ended();
      if (now >= acknowledged_.size()) break;
      ASSERT_LT(steady_clock::now(), deadline)
          << now << " of " << acknowledged_.size() << " have ended";
      if (now != before || runs_.active() > 0) changed = steady_clock::now();
      before = now;
      if (steady_clock::now() - changed > std::chrono::seconds(1)) {
        for (auto* worker : workers) stop(*worker, deadline);
        stop(another, deadline);
        clock_->pass(kLease + std::chrono::milliseconds(1));
        another = work(store);
        changed = steady_clock::now();
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
  static void stop(std::unique_ptr<jobs::Worker>& worker, SteadyTime deadline) {
    if (!worker) return;
    // Its end alone would not wait for a store that is away.
    worker->stop();
    EXPECT_TRUE(worker->wait_stopped(deadline).has_value());
    worker.reset();
  }
  /// The acknowledged jobs are those with an outcome, each once.
  void expect_each_once() {
    ASSERT_FALSE(acknowledged_.empty());
    EXPECT_EQ(sql("SELECT count(*) FROM rwp.ended WHERE state = 4"),
              std::to_string(acknowledged_.size()));
    EXPECT_EQ(sql("SELECT count(DISTINCT id) FROM rwp.ended"),
              std::to_string(acknowledged_.size()));
    std::string ids;
    for (const Uuid& id : acknowledged_) ids += (ids.empty() ? "" : ",") + id.to_string();
    EXPECT_EQ(sql("SELECT count(*) FROM unnest('{" + ids +
                  "}'::uuid[]) a(id) WHERE NOT EXISTS (SELECT FROM rwp.ended e WHERE e.id = a.id)"),
              "0");
    EXPECT_EQ(sql("SELECT count(*) FROM rwp.running"), "0");
    EXPECT_EQ(runs_.run_twice_at_once(), 0U) << "what still ran was run again";
    EXPECT_LE(runs_.most_runs_of_a_slow_job(), 1) << "what still ran was run again";
  }

  std::chrono::milliseconds look_every_{200};
  std::shared_ptr<observability::Metrics> metrics_ = observability::make_metrics();
  const PostgresServer* record_server_ = nullptr;
  std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>();
  Runtime handlers_;
  Runs runs_;
  std::set<Uuid> acknowledged_;
};

}  // namespace rwp::tests
