#pragma once

#include "analytics_spool/parcel.hpp"
#include <rwp/analytics_spool/forwarder.hpp>
#include <rwp/core/async.hpp>
#include <rwp/jobs/job_store.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace rwp::analytics {

/// What the lanes of one sink share.
struct LaneSetup {
  SpoolForwarderOptions options{};
  NamedSink sink{};
  std::string worker{};
  observability::Counter* delivered = nullptr;
  observability::Counter* refused = nullptr;
  observability::Counter* retries = nullptr;
};

/// Delivers the parcels of one lane while its lease holds.
///
/// Each client with parcels at hand is a chain; some deliverers take chains by turns, so that a
/// client has one delivery under way at most. Confined to the store's runtime.
class LaneRun : public std::enable_shared_from_this<LaneRun> {
 public:
  LaneRun(std::shared_ptr<const LaneSetup> setup, std::size_t lane, jobs::RunRef lease);

  /// Returns when the lease is lost, or stop() was asked and what was held is given back.
  static boost::asio::awaitable<void> run(std::shared_ptr<LaneRun> self);
  void stop();

 private:
  struct Held {
    jobs::RunRef run{};
    std::vector<Event> events{};
    std::size_t bytes = 0;
    /// An earlier run may have delivered it.
    bool repeated = false;
    bool cancelled = false;
    /// Another has it now.
    bool lost = false;
  };
  using HeldParcel = std::shared_ptr<Held>;
  using Self = std::shared_ptr<LaneRun>;

  static boost::asio::awaitable<void> claim_parcels(Self self);
  static boost::asio::awaitable<void> deliver_chains(Self self);
  static boost::asio::awaitable<void> finish_parcels(Self self);
  static boost::asio::awaitable<void> keep_leases(Self self);
  static boost::asio::awaitable<void> deliver_head(Self self, std::string client);
  static boost::asio::awaitable<void> settle_alone(Self self, HeldParcel parcel);
  static boost::asio::awaitable<void> give_back(Self self);
  boost::asio::awaitable<Result<void>> deliver(std::vector<Event> events, bool repeated);

  void start(boost::asio::awaitable<void> operation);
  void wake_all();
  void lose();
  void take(jobs::ClaimedJob job);
  std::vector<HeldParcel> head_of(const std::string& client);
  void end(const HeldParcel& parcel, jobs::RunOutcome outcome);
  void fail_delivery(const Error& error);
  void succeed(std::size_t events);
  void drop_lost(const std::string& client);
  bool is_over() const noexcept { return stopping_ || lost_; }
  jobs::JobStore& store() const noexcept { return *setup_->options.store; }
  jobs::ClaimRequest claim_request(std::size_t limit) const;

  const std::shared_ptr<const LaneSetup> setup_;
  const std::size_t lane_;
  const jobs::RunRef lease_;
  bool stopping_ = false;
  bool lost_ = false;

  std::unordered_map<std::string, std::deque<HeldParcel>> chains_;
  /// Clients whose chain nobody delivers now.
  std::deque<std::string> waiting_;
  std::unordered_map<Uuid, HeldParcel> held_;
  std::size_t held_bytes_ = 0;
  std::vector<jobs::Completion> done_;

  std::size_t failures_ = 0;
  bool probing_ = false;
  SteadyTime resume_at_{};

  std::size_t running_ = 0;
  std::list<Task> tasks_;
  /// Told of ends, of room and of stop().
  Signal changed_;
  /// Told of chains to deliver.
  Signal work_;
  /// Told of `done_`.
  Signal told_;
};

}  // namespace rwp::analytics
