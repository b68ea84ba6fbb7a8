#pragma once

#include "jobs_sqlite/connection_queue.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/clock.hpp>
#include <rwp/jobs/requests.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

namespace rwp::jobs_sqlite {

/// The one watch that all who wait for work or for ends share. What this process commits is told to
/// it; what other processes commit shows in SQLite's data_version, which is polled only while
/// somebody waits: quickly at first, backing off to ten times a second.
///
/// Threads: confined to the runtime's I/O thread. Lifetime: kept by its calls in flight.
class Watch : public std::enable_shared_from_this<Watch> {
 public:
  /// `shared_file`: other processes may write.
  Watch(Runtime& runtime, std::shared_ptr<ConnectionQueue> reader,
        std::shared_ptr<const Clock> clock, bool shared_file);

  void on_committed(const Effects& effects);

  boost::asio::awaitable<Result<void>> wait_for_work(jobs::ClaimRequest request,
                                                     SteadyTime deadline);
  /// Success at the deadline too.
  boost::asio::awaitable<Result<void>> wait_for_end(std::vector<Uuid> ids, SteadyTime deadline);

 private:
  struct EndWaiter {
    std::size_t open = 0;
    Signal all_ended{};
  };
  class Registration;
  struct WorkWaiter {
    const jobs::ClaimRequest& request;
    bool there = false;  ///< A commit has brought what it waits for.
    Signal changed{};
  };
  class WorkRegistration;

  void start_polling();
  boost::asio::awaitable<void> poll();
  void note_ended(const std::vector<Uuid>& ids);
  boost::asio::awaitable<Result<void>> check_ended(std::vector<Uuid> ids);
  bool anybody_waits() const { return !work_waiters_.empty() || !open_.empty(); }
  void look_again();

  Runtime& runtime_;
  const std::shared_ptr<ConnectionQueue> reader_;
  const std::shared_ptr<const Clock> clock_;
  const bool shared_file_;
  bool polling_ = false;
  bool poll_quickly_ = false;
  std::int64_t seen_version_ = 0;
  Signal poll_sooner_;
  std::list<WorkWaiter*> work_waiters_;
  /// Counts what makes a look at the database old.
  std::uint64_t work_epoch_ = 0;
  std::unordered_multimap<Uuid, EndWaiter*> open_;
};

}  // namespace rwp::jobs_sqlite
