#pragma once

#include "net/redis/reply.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rwp::net_redis {

/// Commands that go out together, and what becomes of them.
struct Call {
  std::string bytes{};
  std::string name{};         ///< Of the first command, for errors.
  std::size_t commands = 1;   ///< As many answers are due.
  bool repeatable = false;    ///< May be sent again when its answer was lost.
  std::uint64_t only_on = 0;  ///< A connection's number; 0: any.
  bool waits = true;          ///< For another connection, when the present one is lost.
  SteadyTime began{};

  bool sent = false;  ///< Given away to be written, on the present connection or on one before.
  bool abandoned = false;  ///< Nobody waits: its answers are dropped when they come.
  bool done = false;
  std::vector<Reply> replies{};
  std::size_t answers = 0;      ///< That have come, kept or not.
  std::size_t reply_bytes = 0;  ///< Of all that have come.
  std::optional<Error> failure{};
  Signal ended{};
  /// Where it waits to be sent; the pipeline's own.
  std::optional<std::list<std::shared_ptr<Call>>::iterator> place{};
};

/// The order of calls on a connection: those that wait, and those that await their answers. No
/// socket, no clock.
///
/// Threads: confined to one runtime's I/O thread.
class Pipeline {
 public:
  struct Limits {
    std::size_t max_pending = 0;
    /// Of those that wait, and of those that are kept to be repeated.
    std::size_t max_pending_bytes = 0;
    /// Of the answers of one call, together; a single answer has a bound of its own.
    std::size_t max_reply_bytes = std::size_t{256} << 20U;
  };

  explicit Pipeline(Limits limits) : limits_(limits) {}

  /// `Errc::unavailable`: too much waits already. `Errc::invalid_argument`: larger than all that
  /// may wait.
  Result<void> add(std::shared_ptr<Call> call);
  /// Nobody waits for the call any more. One that has not been sent never will be.
  void abandon(const std::shared_ptr<Call>& call);

  /// Whether something waits to be written.
  bool has_work() const noexcept { return !waiting_.empty(); }
  struct Batch {
    std::string bytes{};
    std::size_t commands = 0;
  };
  /// What to write next on connection number `connection`: calls in their order, about
  /// `most_bytes`. Calls that were for another connection fail.
  Batch take(std::uint64_t connection, std::size_t most_bytes, SteadyTime now);

  bool awaits_answers() const noexcept { return !in_flight_.empty(); }
  /// When the oldest call that awaits its answer was sent.
  SteadyTime oldest_sent() const { return in_flight_.front().sent_at; }
  /// Gives the answer to the oldest call. The call when this was its last; null otherwise.
  /// `Errc::corrupt`: nobody asked, or the answers of one call are too large.
  Result<std::shared_ptr<Call>> answer(Reply reply);

  /// The connection is gone: what was sent has an unknown outcome, unless it may be repeated; what
  /// was bound to a connection, or does not wait for another, fails.
  void lose(const Error& why);
  /// All that waits and has not been sent fails.
  void fail_waiting(const Error& why);

  std::size_t pending() const noexcept { return waiting_.size() + in_flight_.size(); }

 private:
  struct Sent {
    std::shared_ptr<Call> call{};
    SteadyTime sent_at{};
  };
  using Place = std::list<std::shared_ptr<Call>>::iterator;
  void finish(Call& call, std::optional<Error> failure);
  void wait_at(Place before, std::shared_ptr<Call> call);

  const Limits limits_;
  std::list<std::shared_ptr<Call>> waiting_;
  std::size_t kept_bytes_ = 0;
  std::deque<Sent> in_flight_;
};

}  // namespace rwp::net_redis
