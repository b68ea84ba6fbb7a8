#include <rwp/ai/cache.hpp>

#include <algorithm>
#include <list>
#include <unordered_map>
#include <utility>

namespace rwp::ai {
namespace {

using boost::asio::awaitable;
using TimePoint = std::chrono::steady_clock::time_point;

class MemoryCache final : public Cache {
 public:
  explicit MemoryCache(MemoryCacheOptions options) : options_(std::move(options)) {}

  awaitable<Result<std::optional<std::string>>> get(std::string key) override {
    const auto found = places_.find(key);
    if (found == places_.end()) co_return std::optional<std::string>();
    const auto entry = found->second;
    if (entry->ends_at <= options_.now()) {
      remove(entry);
      co_return std::optional<std::string>();
    }
    entries_.splice(entries_.begin(), entries_, entry);
    co_return std::optional<std::string>(entry->value);
  }

  awaitable<Result<void>> put(std::string key, std::string value,
                              std::chrono::seconds time_to_live) override {
    if (const auto found = places_.find(key); found != places_.end()) remove(found->second);
    const std::size_t bytes = kEntryBytes + 2 * key.size() + value.size();
    if (value.size() > options_.max_value_bytes || bytes > options_.max_bytes) {
      co_return Result<void>();
    }
    while (bytes_ + bytes > options_.max_bytes) remove(std::prev(entries_.end()));
    Entry entry;
    entry.key = key;
    entry.value = std::move(value);
    entry.bytes = bytes;
    entry.ends_at = options_.now() + time_to_live;
    entries_.push_front(std::move(entry));
    places_.emplace(std::move(key), entries_.begin());
    bytes_ += bytes;
    co_return Result<void>();
  }

  awaitable<Result<std::size_t>> remove_all(std::string prefix) override {
    const std::size_t before = entries_.size();
    for (auto entry = entries_.begin(); entry != entries_.end();) {
      const auto next = std::next(entry);
      if (entry->key.starts_with(prefix)) remove(entry);
      entry = next;
    }
    co_return before - entries_.size();
  }

 private:
  /// What the list and the map take for one entry, about.
  static constexpr std::size_t kEntryBytes = 200;

  struct Entry {
    std::string key{};
    std::string value{};
    std::size_t bytes = 0;
    TimePoint ends_at{};
  };

  void remove(std::list<Entry>::iterator entry) {
    bytes_ -= entry->bytes;
    places_.erase(entry->key);
    entries_.erase(entry);
  }

  const MemoryCacheOptions options_;
  /// What was read last stands first.
  std::list<Entry> entries_;
  std::unordered_map<std::string, std::list<Entry>::iterator> places_;
  std::size_t bytes_ = 0;
};

class LayeredCache final : public Cache {
 public:
  LayeredCache(std::shared_ptr<Cache> first, std::shared_ptr<Cache> second)
      : first_(std::move(first)), second_(std::move(second)) {}

  awaitable<Result<std::optional<std::string>>> get(std::string key) override {
    auto near = co_await first_->get(key);
    if (near && *near) co_return near;
    auto far = co_await second_->get(key);
    if (far && *far) {
      std::string copy = **far;
      (void)co_await first_->put(std::move(key), std::move(copy), kKeepNear);
    }
    co_return far;
  }

  awaitable<Result<void>> put(std::string key, std::string value,
                              std::chrono::seconds time_to_live) override {
    auto near = co_await first_->put(key, value, std::min(time_to_live, kKeepNear));
    auto far = co_await second_->put(std::move(key), std::move(value), time_to_live);
    if (!near) co_return near;
    co_return far;
  }

  awaitable<Result<std::size_t>> remove_all(std::string prefix) override {
    auto near = co_await first_->remove_all(prefix);
    if (!near) co_return near;
    auto far = co_await second_->remove_all(std::move(prefix));
    if (!far) co_return far;
    co_return std::max(*near, *far);
  }

 private:
  /// How long the far one goes on unasked; what it holds there may end sooner.
  static constexpr std::chrono::seconds kKeepNear{60};

  const std::shared_ptr<Cache> first_;
  const std::shared_ptr<Cache> second_;
};

}  // namespace

awaitable<Result<std::size_t>> Cache::remove_all(std::string) {
  co_return Error(Errc::unsupported, "this cache does not know its keys");
}

std::shared_ptr<Cache> make_memory_cache(MemoryCacheOptions options) {
  return std::make_shared<MemoryCache>(std::move(options));
}

std::shared_ptr<Cache> make_layered_cache(std::shared_ptr<Cache> first,
                                          std::shared_ptr<Cache> second) {
  return std::make_shared<LayeredCache>(std::move(first), std::move(second));
}

}  // namespace rwp::ai
