#pragma once

#include <rwp/core/async.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/jobs/requests.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <vector>

namespace rwp::jobs_postgres {

struct Lane;
class ClaimNumbers;

/// Jobs that are leased to a worker of this store by the transaction that submits them: one that
/// waits has nothing else to do, and is spared the claim.
///
/// Whoever waits says so by an offer, and claims as soon as it is told; what nobody claims within
/// kHandedFor goes back to ready. Whatever fails on the way, no handler has begun: the next rescue
/// frees the job without a mark.
///
/// Threads: confined to the runtime's I/O thread. Lifetime: kept by the store and its calls.
class Handovers : public std::enable_shared_from_this<Handovers> {
 public:
  static constexpr std::chrono::milliseconds kHandedFor{1'000};

  Handovers(Runtime& runtime, std::shared_ptr<ClaimNumbers> numbers);

  /// Stands until it is destroyed.
  class Offer;
  /// `tell` is called when a job has been handed over; the offer is not taken again.
  std::shared_ptr<Offer> offer(jobs::ClaimRequest request, std::function<void()> tell);

  /// A lease for a job that is about to be submitted. Its claim's number is given up when this is
  /// destroyed before refused() or taken(): whether it stands or not, nobody runs the job under it.
  class Reserved {
   public:
    Reserved() = default;
    ~Reserved();
    Reserved(Reserved&& other) noexcept;
    Reserved& operator=(Reserved&& other) noexcept;
    Reserved(const Reserved&) = delete;
    Reserved& operator=(const Reserved&) = delete;

    bool is_set() const noexcept { return number_ != 0; }
    std::int64_t number() const noexcept { return number_; }
    /// With the time that the worker may take to claim.
    std::chrono::milliseconds lease() const noexcept { return lease_ + kHandedFor; }
    /// It has not been committed, or not under this lease.
    void refused() noexcept { number_ = 0; }
    /// A worker has it now, or it has been handed back.
    void taken() noexcept { number_ = 0; }

   private:
    friend class Handovers;
    std::shared_ptr<ClaimNumbers> numbers_{};
    std::weak_ptr<Offer> offer_{};
    std::int64_t number_ = 0;
    std::chrono::milliseconds lease_{0};
    SteadyTime begun_{};
  };
  /// Of somebody who waits for jobs of this lane; not set when nobody does.
  Reserved reserve(const Lane& lane);
  /// The job has been committed under this lease.
  void hand(Reserved reserved, jobs::ClaimedJob job);

  struct Handed {
    jobs::ClaimedJob job{};
    /// From when the worker asks, or longer.
    std::chrono::milliseconds lease{0};
    SteadyTime begun{};
    Reserved reserved{};
  };
  /// What a claim gets of what has been handed over.
  std::vector<Handed> take(const jobs::ClaimRequest& request);
  bool has_any(const jobs::ClaimRequest& request) const;
  /// Whether any lease was ever given.
  bool is_used() const noexcept { return used_; }

  /// Gives runs back that nobody claimed.
  using GiveBack = std::function<boost::asio::awaitable<void>(std::vector<Handed>)>;
  void set_give_back(GiveBack give_back) { give_back_ = std::move(give_back); }
  /// Nobody is offered anything any more; answers what has not been claimed.
  std::vector<Handed> close();

 private:
  boost::asio::awaitable<void> sweep();

  Runtime& runtime_;
  const std::shared_ptr<ClaimNumbers> numbers_;
  std::list<std::weak_ptr<Offer>> offers_;
  std::deque<Handed> handed_;
  GiveBack give_back_;
  Task sweeper_;
  bool sweeping_ = false;
  bool used_ = false;
  bool closed_ = false;
};

}  // namespace rwp::jobs_postgres
