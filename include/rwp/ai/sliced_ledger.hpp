#pragma once

#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/usage_ledger.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace rwp::ai {

struct SliceOptions {
  /// How long a slice is held for further calls before its rest is given back. 10 s at most.
  std::chrono::milliseconds held_for{10'000};
  /// A slice is this many times what the call that asks for it may cost (up to 64 times as many
  /// while slices last less than a second), and no more than a sixteenth of what the budget has
  /// left; but always as much as the calls that wait need.
  std::int64_t calls = 32;
  /// How long usage rows are gathered for one commit.
  std::chrono::milliseconds rows_gathered_for{200};
  /// Usage rows that wait for their commit; when it is reached, whoever books waits as well.
  std::size_t most_rows = 10'000;
  observability::Logger log{};
  /// `rwp_ai_slices_total`, `rwp_ai_ledger_errors_total`. May be null.
  std::shared_ptr<observability::Metrics> metrics{};
};

/// A ledger of which each process holds money in slices, so that a call seldom waits for a commit.
///
/// reserve() is answered from this process's slice of the account; a further slice is reserved in
/// the ledger beneath when little of it is left. Near a budget's end slices are as small as calls,
/// so the last call that fits gets its money. Processes on one ledger never exceed a limit
/// together, since a slice is a reservation there.
///
/// settle() and record() answer before they are durable: a slice is settled when it has been held
/// long enough and its calls have ended, rows are booked in the background. So what a
/// process that dies has spent of its slices is forgotten when they lapse, ten minutes after the
/// deadlines of their calls (at most its slices), and rows that had not been committed are lost.
/// Await flush() before a process ends.
/// balance() counts slices as reserved, whole. sum() waits for the rows before it.
/// Threads: confined to the executor's I/O thread; may be destroyed on any.
class SlicedLedger : public UsageLedger {
 public:
  /// Settles what has ended, releases what is not used, and books all rows.
  /// `Errc::deadline_exceeded`: not by then; it goes on in the background.
  virtual boost::asio::awaitable<Result<void>> flush(SteadyTime deadline) = 0;
};

/// `ledger` is not null.
std::shared_ptr<SlicedLedger> make_sliced_ledger(boost::asio::any_io_executor executor,
                                                 std::shared_ptr<UsageLedger> ledger,
                                                 SliceOptions options = SliceOptions());

}  // namespace rwp::ai
