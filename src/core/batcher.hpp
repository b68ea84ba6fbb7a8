#pragma once

#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/runtime.hpp>

#include <boost/asio/awaitable.hpp>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace rwp {

/// How a Batcher gathers.
struct BatchLimits {
  /// Most items that one transaction carries.
  std::size_t items = 1'000;
  /// Most of what Weigh tells of them.
  std::size_t weight = 8 * 1024 * 1024;
  /// Transactions at once. While all are under way, what comes gathers.
  std::size_t at_once = 2;
  /// The items of one call are written in their order, also when they take several transactions.
  bool in_order = false;
};

/// Gathers the items of concurrent callers into shared transactions: that is group commit. Each
/// caller is answered when the transactions of all its items have been committed.
///
/// When one fails for what it carries, it is run again by halves, until what fails stands alone.
/// Threads: confined to the runtime's I/O thread. Lifetime: kept by its calls in flight.
template <class Item, class T>
class Batcher : public std::enable_shared_from_this<Batcher<Item, T>> {
 public:
  /// Runs the items in one transaction; they live until it has answered, one answer each.
  using Run = std::function<boost::asio::awaitable<Result<std::vector<Result<T>>>>(
      std::vector<const Item*>)>;
  using Weigh = std::size_t (*)(const Item&);

  /// Told of each group's size as it starts; may be empty.
  using OnGroup = std::function<void(std::size_t items)>;

  Batcher(Runtime& runtime, BatchLimits limits, Run run, Weigh weigh = nullptr,
          OnGroup on_group = nullptr)
      : runtime_(runtime),
        limits_(limits),
        run_(std::move(run)),
        weigh_(weigh),
        on_group_(std::move(on_group)) {}

  boost::asio::awaitable<Result<std::vector<Result<T>>>> run(std::vector<Item> items) {
    if (items.empty()) co_return std::vector<Result<T>>();
    if (pending_items_ > kMostPending) {
      co_return Error(Errc::unavailable, "too many operations wait for the store");
    }
    const auto self = this->shared_from_this();
    auto call = std::make_shared<Call>();
    call->items = std::move(items);
    call->answers.assign(call->items.size(), Result<T>(T()));
    call->left = call->items.size();
    pending_items_ += call->items.size();
    pending_.push_back(call);
    start_soon();
    while (call->left > 0) {
      const Wake wake = co_await call->ended.wait_until(SteadyTime::max());
      if (wake != Wake::cancelled || call->left == 0) continue;
      call->abandoned = true;
      co_return Error(Errc::cancelled, call->next > 0
                                           ? "the wait was cancelled; the outcome is unknown"
                                           : "the wait was cancelled before the work began");
    }
    if (call->problem) co_return *call->problem;
    co_return std::move(call->answers);
  }

 private:
  static constexpr std::size_t kMostPending = 200'000;

  struct Call {
    std::vector<Item> items{};
    std::vector<Result<T>> answers{};
    /// Of the store as a whole: nothing is known of some items.
    std::optional<Error> problem{};
    std::size_t next = 0;  ///< The first item that has not begun.
    std::size_t left = 0;
    bool abandoned = false;
    Signal ended{};
  };
  struct Place {
    std::shared_ptr<Call> call{};
    std::size_t item = 0;
  };
  using Group = std::vector<Place>;

  /// Not at once: what other coroutines that are awake now have to add, joins the group.
  void start_soon() {
    if (starting_ || under_way_ >= limits_.at_once) return;
    starting_ = true;
    post(runtime_.executor(), [self = this->shared_from_this()] {
      self->starting_ = false;
      self->start();
    });
  }

  void start() {
    while (under_way_ < limits_.at_once) {
      auto group = std::make_shared<Group>(gather());
      if (group->empty()) return;
      ++under_way_;
      if (on_group_) on_group_(group->size());
      auto self = this->shared_from_this();
      spawn(runtime_.executor(), run_group(self, group), [self, group](std::exception_ptr thrown) {
        --self->under_way_;
        if (thrown) self->fail(*group, 0, group->size(), detail::from_exception(thrown));
        self->start();
      });
    }
  }

  Group gather() {
    Group group;
    std::size_t weight = 0;
    const auto has_room = [&] { return group.size() < limits_.items && weight < limits_.weight; };
    for (auto at = pending_.begin(); at != pending_.end() && has_room();) {
      const std::shared_ptr<Call> call = *at;
      if (call->abandoned) {
        pending_items_ -= call->items.size() - call->next;
        at = pending_.erase(at);
        continue;
      }
      const bool under_way = call->next > call->items.size() - call->left;
      if (limits_.in_order && under_way) {
        ++at;
        continue;
      }
      while (call->next < call->items.size() && has_room()) {
        if (weigh_ != nullptr) weight += weigh_(call->items[call->next]);
        group.push_back({call, call->next});
        ++call->next;
        --pending_items_;
      }
      at = call->next == call->items.size() ? pending_.erase(at) : std::next(at);
    }
    return group;
  }

  static boost::asio::awaitable<void> run_group(std::shared_ptr<Batcher> self,
                                                std::shared_ptr<Group> group) {
    std::vector<std::pair<std::size_t, std::size_t>> ranges{{0, group->size()}};
    while (!ranges.empty()) {
      const auto [first, last] = ranges.back();
      ranges.pop_back();
      std::vector<const Item*> items;
      items.reserve(last - first);
      for (std::size_t i = first; i < last; ++i) {
        items.push_back(&(*group)[i].call->items[(*group)[i].item]);
      }
      auto answers = co_await self->run_(std::move(items));
      if (answers) {
        for (std::size_t i = first; i < last; ++i) {
          const Place& place = (*group)[i];
          place.call->answers[place.item] = std::move((*answers)[i - first]);
        }
        self->answer(*group, first, last);
      } else if (last - first == 1 || !may_be_one_items_fault(answers.error())) {
        self->fail(*group, first, last, answers.error());
      } else {
        const std::size_t middle = first + (last - first) / 2;
        ranges.emplace_back(middle, last);
        ranges.emplace_back(first, middle);
      }
    }
  }

  static bool may_be_one_items_fault(const Error& error) {
    return error.code() == Errc::invalid_argument || error.code() == Errc::internal ||
           error.code() == Errc::conflict || error.code() == Errc::corrupt;
  }

  void answer(const Group& group, std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) {
      if (--group[i].call->left == 0) group[i].call->ended.notify_all();
    }
  }

  void fail(const Group& group, std::size_t first, std::size_t last, const Error& error) {
    for (std::size_t i = first; i < last; ++i) {
      if (may_be_one_items_fault(error)) {
        group[i].call->answers[group[i].item] = error;
      } else {
        group[i].call->problem = error;
      }
    }
    answer(group, first, last);
  }

  Runtime& runtime_;
  const BatchLimits limits_;
  const Run run_;
  const Weigh weigh_;
  const OnGroup on_group_;
  std::deque<std::shared_ptr<Call>> pending_;
  std::size_t pending_items_ = 0;
  std::size_t under_way_ = 0;
  bool starting_ = false;
};

}  // namespace rwp
