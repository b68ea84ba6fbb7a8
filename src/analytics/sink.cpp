#include <rwp/analytics/sink.hpp>
#include <rwp/core/async.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace rwp::analytics {

boost::asio::awaitable<Result<void>> Sink::deliver(std::vector<Event> events) {
  if (events.empty()) co_return Result<void>();
  for (std::size_t i = 0; i < events.size(); ++i) {
    auto checked = check_event(events[i]);
    if (!checked) {
      co_return checked.error().with_context("the " + std::to_string(i + 1) + ". of " +
                                             std::to_string(events.size()) + " events");
    }
  }
  try {
    co_return co_await do_deliver(std::move(events));
  } catch (const std::bad_alloc&) {
    throw;
  } catch (...) {
    co_return detail::from_exception(std::current_exception());
  }
}

boost::asio::awaitable<Result<std::vector<Uuid>>> Sink::find_delivered(std::vector<Uuid> ids) {
  if (ids.empty()) co_return std::vector<Uuid>();
  try {
    co_return co_await do_find_delivered(std::move(ids));
  } catch (const std::bad_alloc&) {
    throw;
  } catch (...) {
    co_return detail::from_exception(std::current_exception());
  }
}

boost::asio::awaitable<Result<std::vector<Uuid>>> Sink::do_find_delivered(std::vector<Uuid>) {
  co_return std::vector<Uuid>();
}

boost::asio::awaitable<Result<std::size_t>> Sink::forget(std::string subject) {
  constexpr std::size_t kMostBytes = 64;
  const bool plain = std::all_of(subject.begin(), subject.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
  if (subject.empty() || subject.size() > kMostBytes || !plain) {
    co_return Error(Errc::invalid_argument, "\"subject\" must be 1 to 64 of a-z A-Z 0-9 - _");
  }
  try {
    co_return co_await do_forget(std::move(subject));
  } catch (const std::bad_alloc&) {
    throw;
  } catch (...) {
    co_return detail::from_exception(std::current_exception());
  }
}

boost::asio::awaitable<Result<std::size_t>> Sink::do_forget(std::string) {
  co_return Error(Errc::unsupported,
                  "events that were delivered are no longer in this sink's hands");
}

}  // namespace rwp::analytics
