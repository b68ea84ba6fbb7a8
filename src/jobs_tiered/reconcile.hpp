#pragma once

#include "jobs_tiered/parts.hpp"
#include <rwp/core/async.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

namespace rwp::jobs_tiered {

/// Keeps record and Redis of one mind: one store at a time does, by a lease in the record.
///
/// Opens Redis when it may be opened; looks for what is recorded as handed out and that Redis does
/// not have, and has it given out anew; finishes cancellations that were left half done.
///
/// Threads: confined to the runtime's I/O thread. Lifetime: kept by its loop.
class Reconciler {
 public:
  explicit Reconciler(std::shared_ptr<Parts> parts);

  /// Whether this store is the one; its value changes.
  std::shared_ptr<const bool> leads() const { return leads_; }

  /// One step: hears of the mode, tries to lead, opens or closes, looks when it is time. What fails
  /// is tried with the next.
  boost::asio::awaitable<Result<void>> step();
  /// Steps until the store is closed.
  static boost::asio::awaitable<void> run(std::shared_ptr<Reconciler> self);
  /// Lets another lead.
  boost::asio::awaitable<void> resign();

 private:
  struct Missing {
    std::uint64_t token = 0;
    SteadyTime since{};
  };
  boost::asio::awaitable<Result<void>> lead();
  boost::asio::awaitable<Result<void>> open_if_due();
  /// Looks at everything that is recorded as handed out. `at_once`: what Redis does not have is
  /// taken back at the first look, since Redis has just been opened.
  boost::asio::awaitable<Result<void>> look(bool at_once);
  boost::asio::awaitable<Result<void>> look_at(std::vector<jobs::DispatchRecord> records,
                                               bool at_once);
  boost::asio::awaitable<Result<void>> take_back(std::vector<jobs::DispatchRecord> found);
  boost::asio::awaitable<void> tell_cancellations(std::vector<jobs::DispatchRecord> cancelled);
  boost::asio::awaitable<Result<void>> tell_pauses();
  std::chrono::milliseconds least_gap() const;

  const std::shared_ptr<Parts> parts_;
  const std::shared_ptr<bool> leads_ = std::make_shared<bool>(false);
  std::int64_t term_ = 0;
  SteadyTime tried_to_lead_{};
  SteadyTime looked_{};
  std::unordered_map<Uuid, Missing> missing_;
  std::vector<std::string> paused_;
};

}  // namespace rwp::jobs_tiered
