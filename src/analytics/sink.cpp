#include <rwp/analytics/sink.hpp>
#include <rwp/core/async.hpp>

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

}  // namespace rwp::analytics
