#include <rwp/analytics/event_table.hpp>

#include <exception>
#include <iterator>
#include <utility>

namespace rwp::analytics {

using boost::asio::awaitable;

namespace {

/// A transaction has so many at most, and one delivery.
constexpr std::size_t kMostTogether = 2'000;

}  // namespace

struct EventTable::Batch {
  std::vector<Event> events{};
  std::shared_ptr<Batch> next{};
  bool ended = false;
  Result<void> outcome{};
};

awaitable<Result<void>> EventTable::do_deliver(std::vector<Event> events) {
  const auto self = shared_from_this();
  if (!gathering_) gathering_ = std::make_shared<Batch>();
  // Batches that wait are a chain: its last takes what comes.
  std::shared_ptr<Batch> batch = gathering_;
  while (batch->next) batch = batch->next;
  if (!batch->events.empty() && batch->events.size() + events.size() > kMostTogether) {
    batch = batch->next = std::make_shared<Batch>();
  }
  batch->events.insert(batch->events.end(), std::make_move_iterator(events.begin()),
                       std::make_move_iterator(events.end()));
  if (!writing_) {
    writing_ = true;
    // On its own, so that a caller who gives up takes no other's events away.
    spawn(executor_, write_batches(self));
  }
  while (!batch->ended) {
    if (co_await ended_.wait_until(SteadyTime::max()) == Wake::cancelled && !batch->ended) {
      co_return Error(Errc::cancelled, "delivery of events cancelled; they may yet be written");
    }
  }
  co_return batch->outcome;
}

awaitable<void> EventTable::write_batches(std::shared_ptr<EventTable> self) {
  while (self->gathering_) {
    const std::shared_ptr<Batch> batch = self->gathering_;
    self->gathering_ = std::exchange(batch->next, nullptr);
    try {
      batch->outcome = co_await self->do_write(std::move(batch->events));
    } catch (...) {
      batch->outcome = detail::from_exception(std::current_exception());
    }
    batch->ended = true;
    self->ended_.notify_all();
  }
  self->writing_ = false;
}

awaitable<Result<std::vector<HourCount>>> EventTable::hours(ReportRange range) {
  try {
    co_return co_await do_hours(std::move(range));
  } catch (...) {
    co_return detail::from_exception(std::current_exception());
  }
}

awaitable<Result<std::vector<FunnelRow>>> EventTable::funnel(ReportRange range) {
  try {
    co_return co_await do_funnel(std::move(range));
  } catch (...) {
    co_return detail::from_exception(std::current_exception());
  }
}

std::string candidate_of(const Event& event) {
  const auto found = event.parameters.find("candidate");
  if (found == event.parameters.end()) return {};
  const auto* name = std::get_if<std::string>(&found->second);
  return name != nullptr ? *name : std::string();
}

awaitable<Result<std::int64_t>> EventTable::forget_candidate(std::string name) {
  if (name.empty()) co_return Error(Errc::invalid_argument, "candidate: is empty");
  try {
    co_return co_await do_forget_candidate(std::move(name));
  } catch (...) {
    co_return detail::from_exception(std::current_exception());
  }
}

awaitable<Result<std::size_t>> EventTable::do_forget(std::string subject) {
  const auto removed = co_await do_forget_candidate(std::move(subject));
  if (!removed) co_return removed.error();
  co_return static_cast<std::size_t>(*removed);
}

awaitable<Result<std::int64_t>> EventTable::forget_person(std::string tenant, std::string person) {
  if (person.empty()) co_return Error(Errc::invalid_argument, "person: is empty");
  try {
    co_return co_await do_forget_person(std::move(tenant), std::move(person));
  } catch (...) {
    co_return detail::from_exception(std::current_exception());
  }
}

}  // namespace rwp::analytics
