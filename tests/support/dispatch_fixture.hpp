#pragma once

#include "jobs_tiered/dispatch.hpp"
#include "support/manual_clock.hpp"
#include "support/redis_fixture.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace rwp::tests {

/// A dispatch that is open, on a Redis of its own, with a clock that stands.
class DispatchFixture : public RedisFixture {
 protected:
  void SetUp() override {
    RedisFixture::SetUp();
    if (IsSkipped()) return;
    use({});
  }

  std::shared_ptr<jobs_tiered::Dispatch> connect_dispatch(jobs_tiered::DispatchOptions options) {
    if (options.holder.empty()) options.holder = "holder";
    options.clock = clock_;
    options.patience = kGuard;
    const auto url = Url::parse(server_.url() + "?connect_timeout=20s").value();
    return jobs_tiered::make_redis_dispatch(runtime_, url, std::move(options)).value();
  }
  /// From here on with these options; opened.
  void use(jobs_tiered::DispatchOptions options) {
    dispatch_ = connect_dispatch(std::move(options));
    open(*dispatch_);
  }
  void open(jobs_tiered::Dispatch& dispatch, jobs_tiered::OpenRequest request = {}) {
    ASSERT_TRUE(run(runtime_, dispatch.opening()).has_value());
    const auto opened = run(runtime_, dispatch.open(std::move(request)));
    ASSERT_TRUE(opened.has_value()) << opened.error().to_string();
  }

  /// Until so many hear what the others tell.
  void await_subscriptions(int count) {
    ASSERT_TRUE(eventually([&] {
      return server_.cli("PUBSUB NUMSUB rwp:{jobs}:wake | tail -n 1") == std::to_string(count);
    }));
  }

  jobs_tiered::Ticket ticket(std::int64_t lane, jobs::Priority priority = jobs::Priority::normal) {
    jobs_tiered::Ticket made;
    made.id = Uuid::make_v7();
    made.token = 1;
    made.stamp = ++stamp_;
    made.lane = lane;
    made.priority = priority;
    made.seq = stamp_;
    made.body = "{}";
    return made;
  }
  std::vector<jobs_tiered::PushOutcome> push(std::vector<jobs_tiered::Ticket> tickets) {
    return run(runtime_, dispatch_->push(std::move(tickets))).value();
  }
  static jobs_tiered::TicketClaim claim_of(const std::vector<std::int64_t>& lanes,
                                           std::size_t limit) {
    jobs_tiered::TicketClaim request;
    for (const std::int64_t lane : lanes) {
      request.lanes.push_back({.lane = lane, .queue = "queue-" + std::to_string(lane)});
    }
    request.limit = limit;
    request.start = limit;
    return request;
  }
  std::vector<jobs_tiered::ClaimedTicket> claim(const std::vector<std::int64_t>& lanes,
                                                std::size_t limit) {
    return run(runtime_, dispatch_->claim(claim_of(lanes, limit))).value();
  }
  static jobs::RunRef run_of(const jobs_tiered::ClaimedTicket& claimed) {
    return {.id = claimed.id, .token = claimed.token};
  }
  static std::vector<std::int64_t> lanes_of(
      const std::vector<jobs_tiered::ClaimedTicket>& claimed) {
    std::vector<std::int64_t> lanes;
    for (const auto& each : claimed) lanes.push_back(each.lane);
    return lanes;
  }
  jobs_tiered::TicketPlace::Where where(const Uuid& id) {
    return run(runtime_, dispatch_->look({id})).value().at(0).where;
  }
  std::vector<jobs_tiered::LapsedLease> expired() {
    return run(runtime_, dispatch_->expired(1'000)).value();
  }
  jobs_tiered::Window window_of(jobs_tiered::Dispatch& dispatch, std::int64_t lane,
                                jobs::Priority priority = jobs::Priority::normal) {
    std::promise<jobs_tiered::Window> told;
    post(runtime_.executor(), [&] { told.set_value(dispatch.window(lane, priority)); });
    return told.get_future().get();
  }
  jobs_tiered::Window window(std::int64_t lane, jobs::Priority priority = jobs::Priority::normal) {
    return window_of(*dispatch_, lane, priority);
  }
  bool is_open(const jobs_tiered::Dispatch& dispatch) {
    std::promise<bool> told;
    post(runtime_.executor(), [&] { told.set_value(dispatch.is_open()); });
    return told.get_future().get();
  }

  RedisServer server_;
  std::shared_ptr<ManualClock> clock_ = std::make_shared<ManualClock>();
  std::shared_ptr<jobs_tiered::Dispatch> dispatch_;
  std::int64_t stamp_ = 0;
};

}  // namespace rwp::tests
