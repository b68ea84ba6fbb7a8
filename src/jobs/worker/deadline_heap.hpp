#pragma once

#include <chrono>
#include <cstddef>
#include <utility>
#include <vector>

namespace rwp::jobs {

/// A place in a DeadlineHeap, kept by the item itself.
struct DeadlineHook {
  static constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);
  std::size_t place = kNowhere;
  std::chrono::steady_clock::time_point at{};
};

/// Orders items by the time at which something is due for them; any of them can be moved or removed
/// in logarithmic time, and nothing is allocated per item. Does not own; an item leaves before its
/// end. `Item::deadline_hook()` gives its DeadlineHook.
template <class Item>
class DeadlineHeap {
 public:
  using Time = std::chrono::steady_clock::time_point;

  bool empty() const { return heap_.empty(); }
  std::size_t size() const { return heap_.size(); }
  Item* top() const { return heap_.front(); }
  Time next() const { return heap_.empty() ? Time::max() : heap_.front()->deadline_hook().at; }

  /// Adds the item, or moves it to another time.
  void set(Item* item, Time at) {
    DeadlineHook& hook = item->deadline_hook();
    hook.at = at;
    if (hook.place == DeadlineHook::kNowhere) {
      hook.place = heap_.size();
      heap_.push_back(item);
      rise(hook.place);
    } else {
      sink(rise(hook.place));
    }
  }

  void remove(Item* item) {
    const std::size_t place = item->deadline_hook().place;
    if (place == DeadlineHook::kNowhere) return;
    item->deadline_hook().place = DeadlineHook::kNowhere;
    Item* last = heap_.back();
    heap_.pop_back();
    if (last == item) return;
    put(place, last);
    sink(rise(place));
  }

 private:
  Time at(std::size_t place) const { return heap_[place]->deadline_hook().at; }

  void put(std::size_t place, Item* item) {
    heap_[place] = item;
    item->deadline_hook().place = place;
  }

  void exchange(std::size_t a, std::size_t b) {
    Item* first = heap_[a];
    put(a, heap_[b]);
    put(b, first);
  }

  std::size_t rise(std::size_t place) {
    while (place > 0) {
      const std::size_t parent = (place - 1) / 2;
      if (at(parent) <= at(place)) break;
      exchange(parent, place);
      place = parent;
    }
    return place;
  }

  void sink(std::size_t place) {
    while (true) {
      std::size_t least = place;
      for (std::size_t child = 2 * place + 1; child <= 2 * place + 2; ++child) {
        if (child < heap_.size() && at(child) < at(least)) least = child;
      }
      if (least == place) return;
      exchange(least, place);
      place = least;
    }
  }

  std::vector<Item*> heap_;
};

}  // namespace rwp::jobs
