#include "analytics_spool/parcel.hpp"
#include "analytics_spool/recent_events.hpp"
#include <rwp/analytics_spool/spool.hpp>

#include <algorithm>
#include <cassert>
#include <chrono>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

namespace rwp::analytics {
namespace {

using boost::asio::awaitable;

constexpr std::chrono::seconds kLookEvery{1};
constexpr std::size_t kMaxParcelBytes = 512 * 1024;

/// A sink's share of the spool.
struct Share {
  std::string name{};
  /// What waited at the last look, and has been added since.
  std::size_t waiting = 0;
  observability::Counter* dropped = nullptr;
  observability::Gauge* gauge = nullptr;
};

/// One call of keep() on its way.
struct Keeping {
  std::vector<SpooledEvent> events{};
  std::vector<std::string> bodies{};
  std::vector<Result<Kept>> answers{};
  std::vector<Parcel> parcels{};
  /// Which events are in each.
  std::vector<std::vector<std::size_t>> places{};
};

}  // namespace

struct Spool::Impl {
  explicit Impl(SpoolOptions given) : options(std::move(given)), recent(options.remembered_events) {
    for (const std::string& name : options.sinks) {
      Share share;
      share.name = name;
      if (options.metrics) {
        share.dropped = &options.metrics->counter(
            "rwp_spool_dropped_events_total",
            "Events that were not kept for a sink, as too many waited.", {{"sink", name}});
        share.gauge = &waiting_gauge(*options.metrics, name);
      }
      shares.push_back(share);
    }
  }

  /// Drops what is known, and gathers the rest into parcels.
  void gather(Keeping& keeping) const {
    std::map<std::pair<std::string, bool>, std::size_t> open;
    std::vector<std::vector<std::size_t>>& places = keeping.places;
    std::vector<std::size_t> bytes;
    std::vector<std::string> subjects;
    for (std::size_t i = 0; i < keeping.events.size(); ++i) {
      const SpooledEvent& spooled = keeping.events[i];
      keeping.bodies.push_back(event_body(spooled));
      const std::string& body = keeping.bodies.back();
      if (spooled.identified) {
        const auto known = recent.find(key_of(spooled));
        if (known && *known == RecentEvents::digest_of(body)) {
          keeping.answers[i] = Kept::repeated;
          continue;
        }
        if (known) {
          keeping.answers[i] =
              Error(Errc::conflict, "another event of this id has been taken already");
          continue;
        }
      }
      const auto [at, is_new] =
          open.try_emplace({client_of(spooled.event), spooled.identified}, places.size());
      std::string subject = subject_in(spooled.event);
      // One candidate's can be removed without another's; a client's events keep their order.
      const bool full = !is_new && (places[at->second].size() == kMaxParcelEvents ||
                                    bytes[at->second] + body.size() > kMaxParcelBytes ||
                                    subjects[at->second] != subject);
      if (full) at->second = places.size();
      if (is_new || full) {
        places.emplace_back();
        bytes.push_back(0);
        subjects.push_back(std::move(subject));
      }
      places[at->second].push_back(i);
      bytes[at->second] += body.size();
    }
    for (const auto& of_parcel : places) {
      std::vector<const SpooledEvent*> events;
      std::vector<std::string_view> bodies;
      for (const std::size_t i : of_parcel) {
        events.push_back(&keeping.events[i]);
        bodies.emplace_back(keeping.bodies[i]);
      }
      keeping.parcels.push_back(make_parcel(events, bodies));
    }
  }

  static Uuid key_of(const SpooledEvent& spooled) {
    return RecentEvents::key_of(spooled.event.tenant, spooled.event.id);
  }

  /// Learns how much waits, once a second; others do not wait for it.
  awaitable<void> look() {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_look) co_return;
    next_look = now + kLookEvery;
    const auto counted = co_await options.store->counts();
    if (!counted) co_return;
    for (Share& share : shares) {
      share.waiting = count_parcels(*counted, share.name);
      if (share.gauge != nullptr) share.gauge->set(static_cast<double>(share.waiting));
    }
  }

  /// The shares with room; none: the spool is full.
  std::vector<Share*> choose(const Keeping& keeping) {
    std::vector<Share*> chosen;
    for (Share& share : shares) {
      if (share.waiting + keeping.parcels.size() <= options.max_parcels) chosen.push_back(&share);
    }
    return chosen;
  }

  void count_dropped(const Keeping& keeping, const std::vector<Share*>& chosen) {
    std::size_t events = 0;
    for (const auto& of_parcel : keeping.places) events += of_parcel.size();
    for (Share& share : shares) {
      const bool kept = std::find(chosen.begin(), chosen.end(), &share) != chosen.end();
      if (!kept && share.dropped != nullptr) share.dropped->add(static_cast<double>(events));
    }
  }

  void settle(Keeping& keeping, const std::vector<Result<jobs::Inserted>>& inserted,
              std::size_t sinks) {
    for (std::size_t p = 0; p < keeping.parcels.size(); ++p) {
      // A parcel is repeated only when no sink's share of it is new.
      Kept kept = Kept::repeated;
      std::optional<Error> failure;
      for (std::size_t s = 0; s < sinks && !failure; ++s) {
        const auto& one = inserted[p * sinks + s];
        if (!one) {
          failure = one.error();
        } else if (one->outcome == jobs::Inserted::Outcome::created) {
          kept = Kept::taken;
        }
      }
      for (const std::size_t i : keeping.places[p]) {
        if (failure) {
          keeping.answers[i] = *failure;
          continue;
        }
        keeping.answers[i] = kept;
        if (keeping.events[i].identified) {
          recent.add(key_of(keeping.events[i]), RecentEvents::digest_of(keeping.bodies[i]));
        }
      }
    }
  }

  const SpoolOptions options;
  std::vector<Share> shares;
  RecentEvents recent;
  std::chrono::steady_clock::time_point next_look{};
};

Spool::Spool(SpoolOptions options) {
  assert(options.store && !options.sinks.empty());
  impl_ = std::make_unique<Impl>(std::move(options));
}

Spool::~Spool() = default;

jobs::JobStore& Spool::store() const noexcept { return *impl_->options.store; }

awaitable<Result<std::vector<Result<Kept>>>> Spool::keep(std::vector<SpooledEvent> events) {
  Keeping keeping;
  keeping.events = std::move(events);
  keeping.answers.assign(keeping.events.size(), Kept::taken);
  impl_->gather(keeping);
  if (keeping.parcels.empty()) co_return std::move(keeping.answers);
  co_await impl_->look();
  const auto chosen = impl_->choose(keeping);
  if (chosen.empty()) {
    co_return Error(Errc::unavailable, "the spool of events is full")
        .with_retry_after(std::chrono::seconds(30));
  }
  std::vector<jobs::NewJob> spooled;
  for (const Parcel& parcel : keeping.parcels) {
    for (Share* share : chosen) {
      spooled.push_back(make_parcel_job(parcel, share->name));
      ++share->waiting;
    }
  }
  auto inserting = impl_->options.insert ? impl_->options.insert(std::move(spooled))
                                         : impl_->options.store->insert(std::move(spooled));
  auto inserted = co_await std::move(inserting);
  if (!inserted) co_return inserted.error();
  impl_->settle(keeping, *inserted, chosen.size());
  impl_->count_dropped(keeping, chosen);
  co_return std::move(keeping.answers);
}

}  // namespace rwp::analytics
