#include "pods/key_rates.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace rwp::pods {
namespace {

using std::chrono::steady_clock;

/// More than this are not kept: those that have not been used for a while go.
constexpr std::size_t kMostKept = 10'000;

boost::asio::awaitable<Result<server::Identity>> checked(
    boost::asio::awaitable<Result<server::Identity>> check, std::shared_ptr<KeyRates> rates) {
  auto identity = co_await std::move(check);
  if (!identity) co_return identity;
  auto taken = rates->take(*identity);
  if (!taken) co_return taken.error();
  co_return identity;
}

}  // namespace

KeyRates::KeyRates(std::shared_ptr<ApiKeys> keys, std::size_t per_second)
    : keys_(std::move(keys)), per_second_(per_second) {}

Result<void> KeyRates::take(const server::Identity& identity) {
  if (identity.key_id.empty()) return {};
  const std::size_t per_second = keys_->requests_per_second(identity.key_id).value_or(per_second_);
  if (per_second == 0) return {};
  const auto rate = static_cast<double>(per_second);
  const auto now = steady_clock::now();
  const std::lock_guard lock(mutex_);
  if (rates_.size() >= kMostKept && !rates_.contains(identity.key_id)) {
    std::erase_if(rates_, [now](const auto& entry) {
      return entry.second.bucket.level(now) >= entry.second.bucket.capacity();
    });
  }
  auto [entry, is_new] =
      rates_.try_emplace(identity.key_id, Rate{per_second, net::TokenBucket(rate, rate, now)});
  Rate& own = entry->second;
  if (own.per_second != per_second) {
    own.per_second = per_second;
    own.bucket.set_rate(rate, rate, now);
  }
  const SteadyTime ready = own.bucket.ready_at(1, now);
  if (ready <= now) {
    own.bucket.reserve(1, now);
    return {};
  }
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(ready - now);
  return Error(Errc::rate_limited,
               "this API key may make " + std::to_string(per_second) + " requests a second")
      .with_retry_after(wait);
}

server::Authorise with_rate(server::Authorise check, std::shared_ptr<KeyRates> rates) {
  return [check = std::move(check), rates = std::move(rates)](const server::Request& head) {
    return checked(check(head), rates);
  };
}

}  // namespace rwp::pods
