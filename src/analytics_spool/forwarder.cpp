#include "analytics_spool/lane_run.hpp"
#include "analytics_spool/parcel.hpp"
#include <rwp/analytics_spool/forwarder.hpp>

#include <algorithm>
#include <cassert>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <unistd.h>
#include <utility>

namespace rwp::analytics {

using boost::asio::awaitable;
using std::chrono::steady_clock;

namespace {

constexpr std::chrono::milliseconds kPruneEvery{60'000};
/// When as much was removed as may be at once.
constexpr std::chrono::milliseconds kPruneAgain{100};

}  // namespace

struct SpoolForwarder::Impl {
  using Shared = std::shared_ptr<Impl>;

  explicit Impl(SpoolForwarderOptions given) : options(std::move(given)) {
    assert(options.store);
    assert(options.lease >= std::chrono::seconds(3));
    for (const NamedSink& sink : options.sinks) {
      auto setup = std::make_shared<LaneSetup>();
      setup->options = options;
      setup->sink = sink;
      setup->worker = "forwarder-" + std::to_string(::getpid());
      if (options.metrics) {
        const auto outcome = [&](const char* name) {
          return &options.metrics->counter("rwp_spool_events_total",
                                           "Events that left the spool, by their outcome.",
                                           {{"sink", sink.name}, {"outcome", name}});
        };
        setup->delivered = outcome("delivered");
        setup->refused = outcome("refused");
        setup->retries = &options.metrics->counter(
            "rwp_spool_retries_total", "Deliveries to a sink that failed and are tried again.",
            {{"sink", sink.name}});
      }
      setups.push_back(std::move(setup));
    }
  }

  jobs::JobStore& store() const noexcept { return *options.store; }

  static void start(const Shared& self) {
    for (const auto& setup : self->setups) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        self->spawn_one(self, run_lane(self, setup, lane));
      }
    }
    self->spawn_one(self, keep_up(self));
  }

  void spawn_one(const Shared& self, awaitable<void> operation) {
    ++running;
    spawn(store().runtime().executor(), std::move(operation), [self](std::exception_ptr thrown) {
      if (thrown) {
        self->options.log.error("forwarding of events stopped",
                                {{"error", detail::from_exception(thrown).to_string()}});
      }
      if (--self->running > 0) return;
      const std::lock_guard lock(self->mutex);
      self->ended = true;
      self->all_ended.notify_all();
    });
  }

  /// Takes the lane when it is free, and delivers what is in it, over and over.
  static awaitable<void> run_lane(Shared self, std::shared_ptr<const LaneSetup> setup,
                                  std::size_t lane) {
    while (!self->stopping) {
      auto lease = co_await take_lane(self, setup, lane);
      if (lease) co_await wait_settled(self, queue_of(setup->sink.name, lane));
      if (lease && !self->stopping) {
        auto run = std::make_shared<LaneRun>(setup, lane, *lease);
        self->runs.push_back(run);
        co_await LaneRun::run(run);
        self->runs.remove(run);
      } else if (lease) {
        jobs::Completion back;
        back.run = *lease;
        std::vector<jobs::Completion> completions;
        completions.push_back(std::move(back));
        auto finishing = self->store().finish(std::move(completions));
        co_await std::move(finishing);
      }
    }
  }

  static awaitable<std::optional<jobs::RunRef>> take_lane(Shared self,
                                                          std::shared_ptr<const LaneSetup> setup,
                                                          std::size_t lane) {
    std::vector<jobs::NewJob> token;
    token.push_back(make_lane_job(setup->sink.name, lane));
    auto inserting = self->store().insert(std::move(token));
    const auto inserted = co_await std::move(inserting);
    jobs::ClaimRequest request;
    request.worker = setup->worker;
    request.queues.push_back(queue_of(setup->sink.name, lane));
    jobs::KindSupport kind;
    kind.kind = kLaneKind;
    request.kinds.push_back(std::move(kind));
    request.start = 0;
    request.lease = self->options.lease;
    if (inserted) {
      const auto claimed = co_await self->store().claim(request);
      if (claimed && !claimed->empty()) co_return claimed->front().run;
    }
    if (self->stopping) co_return std::nullopt;
    // Somebody else's, or the store is away.
    const auto again = steady_clock::now() + self->options.lease / 3;
    if (inserted) {
      // Its answer says no more than that it is time to try.
      const auto waited = co_await wait_for_lane(self, request, again);
      if (waited) co_return std::nullopt;
    }
    co_await self->stop_asked.wait_until(
        std::min(again, steady_clock::now() + std::chrono::milliseconds(500)));
    co_return std::nullopt;
  }

  /// Waits until nothing of the lane's is held by one who had it before: what is newer must not
  /// overtake it. At most as long as a lease lasts.
  static awaitable<void> wait_settled(Shared self, std::string queue) {
    const auto until = steady_clock::now() + self->options.lease;
    while (!self->stopping && steady_clock::now() < until) {
      const auto rescued = co_await self->store().rescue();
      if (rescued && rescued->leases > 0) continue;
      const auto counted = co_await self->store().counts();
      if (counted) {
        std::int64_t running_there = 0;
        for (const auto& each : *counted) {
          if (each.queue != queue) continue;
          running_there = each.states[static_cast<std::size_t>(jobs::JobState::running)];
        }
        // The lane's own.
        if (running_there <= 1) co_return;
      }
      co_await self->stop_asked.wait_until(steady_clock::now() + std::chrono::milliseconds(200));
    }
  }

  /// Ends early when stop() is asked.
  static awaitable<Result<void>> wait_for_lane(Shared self, jobs::ClaimRequest request,
                                               SteadyTime until) {
    // In steps, as a wait in the store is not told of stop().
    while (!self->stopping && steady_clock::now() < until) {
      const auto step = std::min(until, steady_clock::now() + std::chrono::milliseconds(500));
      auto waited = co_await self->store().wait_for_work(request, step);
      if (!waited) co_return waited;
      if (steady_clock::now() < step) break;
    }
    co_return Result<void>();
  }

  static awaitable<void> tell_waiting(Shared self) {
    if (!self->options.metrics) co_return;
    const auto counted = co_await self->store().counts();
    if (!counted) co_return;
    for (const NamedSink& sink : self->options.sinks) {
      waiting_gauge(*self->options.metrics, sink.name)
          .set(static_cast<double>(count_parcels(*counted, sink.name)));
    }
  }

  /// What a worker's upkeep does, as there may be none on this store.
  static awaitable<void> keep_up(Shared self) {
    SteadyTime next_rescue{};
    SteadyTime next_prune = steady_clock::now() + kPruneEvery;
    while (!self->stopping) {
      if (steady_clock::now() >= next_rescue) {
        co_await self->store().rescue();
        next_rescue = steady_clock::now() + self->options.lease / 6;
        co_await tell_waiting(self);
      }
      if (steady_clock::now() >= next_prune) {
        const auto pruned = co_await self->store().prune(self->options.retention);
        // There may be more: soon again, but not so that claims have to wait.
        const bool more = pruned && pruned->jobs >= self->options.retention.limit;
        next_prune = steady_clock::now() + (more ? kPruneAgain : kPruneEvery);
      }
      co_await self->stop_asked.wait_until(std::min(next_rescue, next_prune));
    }
  }

  const SpoolForwarderOptions options;
  std::vector<std::shared_ptr<const LaneSetup>> setups;
  // Of the store's I/O thread.
  bool stopping = false;
  std::size_t running = 0;
  std::list<std::shared_ptr<LaneRun>> runs;
  Signal stop_asked;
  // Of both threads.
  std::mutex mutex;
  std::condition_variable all_ended;
  bool ended = false;
  bool started = false;
};

SpoolForwarder::SpoolForwarder(SpoolForwarderOptions options)
    : impl_(std::make_shared<Impl>(std::move(options))) {}

SpoolForwarder::~SpoolForwarder() {
  stop();
  wait_stopped(SteadyTime::max());
}

void SpoolForwarder::start() {
  if (std::exchange(impl_->started, true)) return;
  post(impl_->store().runtime().executor(), [impl = impl_] { Impl::start(impl); });
}

void SpoolForwarder::stop() {
  if (!impl_->started) return;
  post(impl_->store().runtime().executor(), [impl = impl_] {
    impl->stopping = true;
    for (const auto& run : impl->runs) run->stop();
    impl->stop_asked.notify_all();
  });
}

bool SpoolForwarder::wait_stopped(SteadyTime deadline) {
  if (!impl_->started) return true;
  std::unique_lock lock(impl_->mutex);
  const auto is_over = [this] { return impl_->ended; };
  if (deadline == SteadyTime::max()) {
    impl_->all_ended.wait(lock, is_over);
    return true;
  }
  return impl_->all_ended.wait_until(lock, deadline, is_over);
}

}  // namespace rwp::analytics
