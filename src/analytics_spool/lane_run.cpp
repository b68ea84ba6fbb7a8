#include "analytics_spool/lane_run.hpp"

#include <algorithm>
#include <exception>
#include <iterator>
#include <string_view>
#include <utility>
#include <variant>

namespace rwp::analytics {
namespace {

using boost::asio::awaitable;
using std::chrono::steady_clock;

constexpr std::size_t kDeliverers = 32;
constexpr std::size_t kMostHeld = 512;
constexpr std::size_t kMostHeldBytes = 8 * 1024 * 1024;
constexpr std::size_t kClaimedAtOnce = 128;
/// Of one client's events in one delivery.
constexpr std::size_t kMostTogether = 100;
constexpr std::chrono::milliseconds kStep{500};
constexpr std::chrono::milliseconds kStoreAway{500};

/// Whether the same events may be taken another time. A key that is refused, a table that is not
/// there or a damaged file is somebody's to set right, and no fault of the events.
bool may_pass(const Error& error) {
  switch (error.code()) {
    case Errc::cancelled:
    case Errc::unauthenticated:
    case Errc::permission_denied:
    case Errc::not_found:
    case Errc::unsupported:
    case Errc::corrupt:
      return true;
    default:
      return error.retryable();
  }
}

}  // namespace

LaneRun::LaneRun(std::shared_ptr<const LaneSetup> setup, std::size_t lane, jobs::RunRef lease)
    : setup_(std::move(setup)), lane_(lane), lease_(lease) {}

void LaneRun::stop() {
  stopping_ = true;
  wake_all();
}

void LaneRun::lose() {
  lost_ = true;
  wake_all();
}

void LaneRun::wake_all() {
  changed_.notify_all();
  work_.notify_all();
  told_.notify_all();
}

void LaneRun::start(awaitable<void> operation) {
  ++running_;
  tasks_.emplace_back(store().runtime().executor(), std::move(operation),
                      [self = shared_from_this()](std::exception_ptr thrown) {
                        if (thrown && !self->is_over()) {
                          self->setup_->options.log.error(
                              "forwarding of events stopped",
                              {{"sink", self->setup_->sink.name},
                               {"error", detail::from_exception(thrown).to_string()}});
                          self->lost_ = true;
                        }
                        --self->running_;
                        self->wake_all();
                      });
}

awaitable<void> LaneRun::run(std::shared_ptr<LaneRun> self) {
  self->start(keep_leases(self));
  self->start(claim_parcels(self));
  self->start(finish_parcels(self));
  for (std::size_t i = 0; i < kDeliverers; ++i) self->start(deliver_chains(self));
  const auto stop_all = [](LaneRun* run) {
    for (Task& task : run->tasks_) task.cancel();
  };
  // Also when this coroutine is cancelled.
  const std::unique_ptr<LaneRun, decltype(stop_all)> guard(self.get(), stop_all);
  while (!self->is_over()) {
    if (co_await self->changed_.wait_until(SteadyTime::max()) == Wake::cancelled) co_return;
  }
  const auto until = steady_clock::now() + self->setup_->options.stop_grace;
  while (self->running_ > 0 && !self->lost_) {
    if (co_await self->changed_.wait_until(until) != Wake::notified) break;
  }
  stop_all(self.get());
  while (self->running_ > 0) {
    if (co_await self->changed_.wait_until(SteadyTime::max()) == Wake::cancelled) co_return;
  }
  if (!self->lost_) co_await give_back(self);
}

jobs::ClaimRequest LaneRun::claim_request(std::size_t limit) const {
  jobs::ClaimRequest request;
  request.worker = setup_->worker;
  request.queues.push_back(queue_of(setup_->sink.name, lane_));
  jobs::KindSupport kind;
  kind.kind = kParcelKind;
  request.kinds.push_back(std::move(kind));
  request.limit = limit;
  // Not one is "started": the death of this process makes suspects of work that can crash it, and
  // forwarding is not.
  request.start = 0;
  request.lease = setup_->options.lease;
  return request;
}

awaitable<void> LaneRun::claim_parcels(Self self) {
  while (!self->is_over()) {
    if (self->held_.size() >= kMostHeld || self->held_bytes_ >= kMostHeldBytes) {
      co_await self->changed_.wait_until(SteadyTime::max());
      continue;
    }
    const auto request =
        self->claim_request(std::min(kClaimedAtOnce, kMostHeld - self->held_.size()));
    auto claimed = co_await self->store().claim(request);
    if (!claimed) {
      co_await self->changed_.wait_until(steady_clock::now() + kStoreAway);
      continue;
    }
    for (auto& job : *claimed) self->take(std::move(job));
    if (!claimed->empty()) {
      self->work_.notify_all();
    } else if (!self->is_over()) {
      // In steps, as a wait in the store is not told of stop().
      co_await self->store().wait_for_work(request, steady_clock::now() + kStep);
    }
  }
}

void LaneRun::take(jobs::ClaimedJob job) {
  auto parcel = std::make_shared<Held>();
  parcel->run = job.run;
  parcel->bytes = job.payload.size();
  parcel->repeated = job.run.token > 1;
  held_[job.run.id] = parcel;
  held_bytes_ += parcel->bytes;
  auto events = read_parcel(job.payload, job.created_at);
  if (!events || events->empty()) {
    jobs::Fail fail;
    fail.error = events ? Error(Errc::invalid_argument, "no events in it") : events.error();
    return end(parcel, std::move(fail));
  }
  parcel->events = std::move(*events);
  const std::string client = client_of(parcel->events.front());
  auto& chain = chains_[client];
  chain.push_back(std::move(parcel));
  if (chain.size() == 1) waiting_.push_back(client);
}

void LaneRun::end(const HeldParcel& parcel, jobs::RunOutcome outcome) {
  if (held_.erase(parcel->run.id) > 0) held_bytes_ -= parcel->bytes;
  jobs::Completion completion;
  completion.run = parcel->run;
  completion.outcome = std::move(outcome);
  done_.push_back(std::move(completion));
  told_.notify_all();
  changed_.notify_all();
}

awaitable<void> LaneRun::finish_parcels(Self self) {
  // What has ended is told also while the lane stops.
  while (!self->lost_ && (!self->stopping_ || self->running_ > 1 || !self->done_.empty())) {
    if (self->done_.empty()) {
      co_await self->told_.wait_until(SteadyTime::max());
      continue;
    }
    const auto completions = std::exchange(self->done_, {});
    const auto finished = co_await self->store().finish(completions);
    if (finished) continue;
    // Nothing is lost by telling it again; a run that has moved on is refused for itself alone.
    self->done_.insert(self->done_.end(), completions.begin(), completions.end());
    if (self->stopping_) co_return;
    co_await sleep_for(kStoreAway);
  }
}

awaitable<void> LaneRun::keep_leases(Self self) {
  const auto lease = self->setup_->options.lease;
  auto sure_until = steady_clock::now() + lease;
  while (!self->is_over()) {
    const auto next = steady_clock::now() + lease / 3;
    while (!self->is_over() && steady_clock::now() < next) {
      co_await self->changed_.wait_until(next);
    }
    if (self->is_over()) co_return;
    std::vector<jobs::RunRef> runs{self->lease_};
    std::vector<HeldParcel> parcels{nullptr};
    for (const auto& [id, parcel] : self->held_) {
      runs.push_back(parcel->run);
      parcels.push_back(parcel);
    }
    const auto asked = steady_clock::now();
    const auto extended = co_await self->store().extend(std::move(runs), lease);
    if (!extended) {
      if (steady_clock::now() < sure_until) continue;
      self->lose();
      co_return;
    }
    sure_until = asked + lease;
    const auto& of_lane = extended->front();
    if (!of_lane || of_lane->cancel_requested) {
      self->lose();
      co_return;
    }
    for (std::size_t i = 1; i < extended->size(); ++i) {
      const auto& state = (*extended)[i];
      if (!state) {
        parcels[i]->lost = true;
      } else if (state->cancel_requested) {
        parcels[i]->cancelled = true;
      }
    }
  }
}

awaitable<void> LaneRun::deliver_chains(Self self) {
  while (!self->is_over()) {
    const auto now = steady_clock::now();
    const bool may = self->failures_ == 0 || (!self->probing_ && now >= self->resume_at_);
    if (self->waiting_.empty() || !may) {
      const bool waits_for_time = !self->waiting_.empty() && !self->probing_;
      co_await self->work_.wait_until(waits_for_time ? self->resume_at_ : SteadyTime::max());
      continue;
    }
    const bool probe = self->failures_ > 0;
    self->probing_ = probe;
    std::string client = std::move(self->waiting_.front());
    self->waiting_.pop_front();
    co_await deliver_head(self, client);
    if (probe) self->probing_ = false;
    const auto chain = self->chains_.find(client);
    if (chain->second.empty()) {
      self->chains_.erase(chain);
    } else if (self->failures_ > 0) {
      // The one that failed is the one to try with.
      self->waiting_.push_front(std::move(client));
    } else {
      self->waiting_.push_back(std::move(client));
    }
    // After a probe all may go on, or one has to try again.
    if (probe) self->work_.notify_all();
  }
}

void LaneRun::drop_lost(const std::string& client) {
  auto& chain = chains_.at(client);
  const auto gone = [this](const HeldParcel& parcel) {
    if (parcel->lost && held_.erase(parcel->run.id) > 0) held_bytes_ -= parcel->bytes;
    if (parcel->cancelled && !parcel->lost) end(parcel, jobs::Cancelled());
    return parcel->lost || parcel->cancelled;
  };
  chain.erase(std::remove_if(chain.begin(), chain.end(), gone), chain.end());
}

std::vector<LaneRun::HeldParcel> LaneRun::head_of(const std::string& client) {
  std::vector<HeldParcel> head;
  std::size_t events = 0;
  for (const HeldParcel& parcel : chains_.at(client)) {
    events += parcel->events.size();
    // One that may be a repetition has the sink asked about it, and goes alone.
    const bool apart = parcel->repeated || (!head.empty() && head.back()->repeated);
    if (!head.empty() && (apart || events > kMostTogether)) break;
    head.push_back(parcel);
  }
  return head;
}

awaitable<void> LaneRun::deliver_head(Self self, std::string client) {
  self->drop_lost(client);
  const auto head = self->head_of(client);
  if (head.empty()) co_return;
  std::vector<Event> events;
  for (const HeldParcel& parcel : head) {
    events.insert(events.end(), parcel->events.begin(), parcel->events.end());
  }
  const std::size_t count = events.size();
  const auto delivered = co_await self->deliver(std::move(events), head.front()->repeated);
  if (!delivered && may_pass(delivered.error())) {
    self->fail_delivery(delivered.error());
    co_return;
  }
  auto& chain = self->chains_.at(client);
  if (delivered) {
    self->succeed(count);
    for (const HeldParcel& parcel : head) {
      chain.pop_front();
      self->end(parcel, jobs::Succeed());
    }
    co_return;
  }
  // One parcel at a time, and of that one its events, to find what is refused.
  co_await settle_alone(self, head.front());
}

awaitable<void> LaneRun::settle_alone(Self self, HeldParcel parcel) {
  std::string told;
  std::size_t refused = 0;
  for (const Event& event : parcel->events) {
    std::vector<Event> one(1, event);
    const auto delivered = co_await self->deliver(std::move(one), true);
    if (delivered) continue;
    if (may_pass(delivered.error())) {
      // All of it again; what has arrived is known by its id.
      self->fail_delivery(delivered.error());
      co_return;
    }
    ++refused;
    told += (told.empty() ? "" : "; ") + event.id.to_string() + ": " + delivered.error().message();
  }
  self->succeed(parcel->events.size() - refused);
  self->chains_.at(client_of(parcel->events.front())).pop_front();
  if (refused == 0) {
    self->end(parcel, jobs::Succeed());
    co_return;
  }
  if (self->setup_->refused != nullptr) {
    self->setup_->refused->add(static_cast<double>(refused));
  }
  self->setup_->options.log.warn("events refused by a sink",
                                 {{"sink", self->setup_->sink.name},
                                  {"job_id", parcel->run.id.to_string()},
                                  {"events", refused}});
  jobs::Fail fail;
  fail.error = Error(Errc::invalid_argument, std::to_string(refused) + " of " +
                                                 std::to_string(parcel->events.size()) +
                                                 " events refused: " + told);
  self->end(parcel, std::move(fail));
}

awaitable<Result<void>> LaneRun::deliver(std::vector<Event> events, bool repeated) {
  const auto& to = setup_->sink;
  const auto deliver_there = [](std::shared_ptr<Sink> sink, std::vector<Event> all,
                                bool look_first) -> awaitable<Result<void>> {
    if (look_first) {
      std::vector<Uuid> ids;
      ids.reserve(all.size());
      for (const Event& event : all) ids.push_back(event.id);
      const auto found = co_await sink->find_delivered(std::move(ids));
      if (!found) co_return found.error();
      all.erase(std::remove_if(all.begin(), all.end(),
                               [&found](const Event& event) {
                                 return std::find(found->begin(), found->end(), event.id) !=
                                        found->end();
                               }),
                all.end());
    }
    co_return co_await sink->deliver(std::move(all));
  };
  auto delivering = deliver_there(to.sink, std::move(events), repeated);
  if (!to.executor) co_return co_await std::move(delivering);
  co_return co_await on(to.executor, std::move(delivering));
}

void LaneRun::fail_delivery(const Error& error) {
  if (is_over()) return;
  if (setup_->retries != nullptr) setup_->retries->add(1);
  const auto& options = setup_->options;
  const auto now = steady_clock::now();
  // Those that were under way together fail together: they are one failure, and double no wait.
  const bool is_known = failures_ > 0 && now < resume_at_;
  const std::size_t doublings = std::min<std::size_t>(failures_, 16);
  auto wait = std::min(options.longest_wait, options.first_wait * (1U << doublings));
  if (is_known) wait = std::chrono::milliseconds(0);
  if (error.retry_after()) {
    const auto told = std::chrono::ceil<std::chrono::milliseconds>(*error.retry_after());
    wait = std::max(wait, std::min(told, options.longest_wait));
  }
  resume_at_ = is_known ? std::max(resume_at_, now + wait) : now + wait;
  if (is_known) return;
  if (failures_++ == 0) {
    options.log.warn("sink takes no events; they wait",
                     {{"sink", setup_->sink.name}, {"error", error.to_string()}});
  }
}

void LaneRun::succeed(std::size_t events) {
  if (failures_ > 0) {
    setup_->options.log.info("sink takes events again", {{"sink", setup_->sink.name}});
  }
  failures_ = 0;
  if (setup_->delivered != nullptr) setup_->delivered->add(static_cast<double>(events));
}

awaitable<void> LaneRun::give_back(Self self) {
  std::vector<jobs::Completion> completions = std::move(self->done_);
  for (const auto& [id, parcel] : self->held_) {
    jobs::Completion completion;
    completion.run = parcel->run;
    completions.push_back(std::move(completion));
  }
  // Last, so that who takes the lane finds its parcels in their order.
  jobs::Completion lane;
  lane.run = self->lease_;
  auto finishing = self->store().finish(std::move(completions));
  co_await std::move(finishing);
  std::vector<jobs::Completion> last;
  last.push_back(std::move(lane));
  auto leaving = self->store().finish(std::move(last));
  co_await std::move(leaving);
}

}  // namespace rwp::analytics
