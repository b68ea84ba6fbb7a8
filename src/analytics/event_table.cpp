#include <rwp/analytics/event_table.hpp>
#include <rwp/analytics/event_type.hpp>

#include <cstddef>
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
  /// One delivery's share of the events.
  struct Part {
    std::size_t begin = 0;
    std::size_t count = 0;
    Result<void> outcome{};
  };

  std::shared_ptr<std::vector<Event>> events = std::make_shared<std::vector<Event>>();
  std::vector<Part> parts{};
  std::shared_ptr<Batch> next{};
  bool ended = false;
};

awaitable<Result<void>> EventTable::do_deliver(std::vector<Event> events) {
  const auto self = shared_from_this();
  if (!gathering_) gathering_ = std::make_shared<Batch>();
  // Batches that wait are a chain: its last takes what comes.
  std::shared_ptr<Batch> batch = gathering_;
  while (batch->next) batch = batch->next;
  if (!batch->events->empty() && batch->events->size() + events.size() > kMostTogether) {
    batch = batch->next = std::make_shared<Batch>();
  }
  const std::size_t part = batch->parts.size();
  batch->parts.emplace_back();
  batch->parts.back().begin = batch->events->size();
  batch->parts.back().count = events.size();
  batch->events->insert(batch->events->end(), std::make_move_iterator(events.begin()),
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
  co_return batch->parts[part].outcome;
}

awaitable<void> EventTable::write_batches(std::shared_ptr<EventTable> self) {
  while (self->gathering_) {
    const std::shared_ptr<Batch> batch = self->gathering_;
    self->gathering_ = std::exchange(batch->next, nullptr);
    co_await self->write(batch);
    batch->ended = true;
    self->ended_.notify_all();
  }
  self->writing_ = false;
}

awaitable<void> EventTable::write(std::shared_ptr<Batch> batch) {
  const auto together = co_await try_write(batch->events);
  const bool apart = !together && !together.error().retryable() && batch->parts.size() > 1;
  for (Batch::Part& part : batch->parts) {
    if (!apart) {
      part.outcome = together;
      continue;
    }
    const auto begin = batch->events->begin() + static_cast<std::ptrdiff_t>(part.begin);
    auto own = std::make_shared<std::vector<Event>>(
        begin, begin + static_cast<std::ptrdiff_t>(part.count));
    part.outcome = co_await try_write(std::move(own));
  }
}

awaitable<Result<void>> EventTable::try_write(std::shared_ptr<const std::vector<Event>> events) {
  try {
    co_return co_await do_write(std::move(events));
  } catch (...) {
    co_return detail::from_exception(std::current_exception());
  }
}

const std::vector<std::string>& always_counted_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all = {"view_item", "generate_lead", "qualify_lead",
                                    "close_convert_lead"};
    for (int i = 0; i <= static_cast<int>(EventType::application_placed); ++i) {
      all.emplace_back(to_string(static_cast<EventType>(i)));
    }
    return all;
  }();
  return names;
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
