#pragma once

#include "jobs_tiered/ticket.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/clock.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/core/url.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rwp::jobs_tiered {

struct DispatchOptions {
  /// Most tickets of one lane and priority, and most bytes of their bodies.
  std::size_t window_jobs = 50'000;
  std::size_t window_bytes = std::size_t{64} << 20U;
  /// Longest that a call waits for the server's answer.
  std::chrono::milliseconds patience{2'000};
  /// Names the holder of leases: unique for each store that is opened.
  std::string holder{};
  /// Tells several stores on one Redis apart; part of every key's tag. Letters, digits, - and _.
  std::string name = "jobs";
  /// Null: the server's clock (TIME) judges leases. A test's clock is passed with each script.
  std::shared_ptr<const Clock> clock{};
  observability::Logger log{};
  /// May be null. Series: rwp_tiered_window_jobs and rwp_tiered_window_bytes (of what claims and
  /// pushes have last seen, all lanes), rwp_tiered_dispatch_round_trips_total (call),
  /// rwp_tiered_claim_seconds.
  std::shared_ptr<observability::Metrics> metrics{};
};

/// What Redis does for the tiered store: keeps a window of tickets and the leases of those that
/// have been claimed. It decides nothing about jobs; docs/models/tiered.pml is its protocol.
///
/// **Open.** The dispatch is open while its key `open` holds "RUN_ID:EPOCH" of the server process
/// that the connection sees and of the epoch that set_epoch() was given last. Every script compares
/// it first, on that very connection (CallOptions::only_on). On a closed dispatch push(), claim(),
/// withdraw(), expired() and look() change nothing and say so; extend() puts leases back.
///
/// **Never sent twice.** A call whose answer was lost is not repeated here (`repeatable` stays
/// off): a second push of a ticket that has been worked off meanwhile would run it again. The
/// callers settle it: claims by their leases' lapse, the others by repeating with what they know.
///
/// **One script a call.** A batch of up to 1,000 items is one script and one round trip; what is
/// larger is cut. Calls made on one object one after the other reach the server in that order.
///
/// Errors: `unavailable` when Redis is away, silent or closed; an outcome that is unknown is told
/// as `unavailable`, too. `conflict`, an item alone: see each call.
/// Threads: confined to its runtime's I/O thread, where calls may overlap. Lifetime: outlives its
/// calls in flight.
class Dispatch {
 public:
  virtual ~Dispatch() = default;
  Dispatch(const Dispatch&) = delete;
  Dispatch& operator=(const Dispatch&) = delete;

  /// Whether the dispatch was open when it was last heard of, and a connection is there. Costs
  /// nothing.
  virtual bool is_open() const = 0;
  /// Why not; for readiness.
  virtual Error why_closed() const = 0;
  /// What stands in the window of one lane and priority, as far as answers to push() and claim()
  /// and the wake-ups have told; unknown: empty. Costs nothing.
  virtual Window window(LaneId lane, jobs::Priority priority) const = 0;
  /// Reads the windows of these lanes anew: number, bytes and backlog of each priority.
  virtual boost::asio::awaitable<Result<void>> read_windows(std::vector<LaneId> lanes) = 0;

  /// The record's count of switches of its mode; a dispatch of an earlier one is closed.
  virtual void set_epoch(std::int64_t epoch) = 0;
  /// Names the record whose jobs these are. Whoever opens the dispatch, or finds it open without a
  /// name, leaves it there. Where another's stands nothing is read or written any more, and every
  /// call is `unavailable`. Empty, as at first: nobody asks.
  virtual void set_database(std::string database) = 0;
  /// The last answer was that another record's jobs are here: says which, and what to do.
  virtual std::optional<Error> is_of_another() const = 0;

  /// Adds tickets, one answer each, and wakes those who wait for work in their lanes. Nothing
  /// happens (and the answer is `queued`) when the job has a ticket with this or a higher token, or
  /// a lease of this or a higher token; an older ticket is replaced. A ticket that does not fit in
  /// the window is answered `full`.
  virtual boost::asio::awaitable<Result<std::vector<PushOutcome>>> push(
      std::vector<Ticket> tickets) = 0;

  /// Moves tickets to leases, atomically: best priority first, then by `seq`, over all lanes, those
  /// of paused queues left out; up to the limit, to `max_bytes` of bodies (one at least), or to the
  /// first that must run alone and with it (which is then the last). The first `start` of them that
  /// need not run alone, and are above the watermark, are leased as started. Removes their bodies.
  /// Of more than 1,000 lanes those with tickets are asked, best priority first, 1,000 at most; the
  /// others have their turn with the next claims.
  virtual boost::asio::awaitable<Result<std::vector<ClaimedTicket>>> claim(TicketClaim request) = 0;

  /// Returns when a claim from these lanes may find something, at the deadline, or when cancelled;
  /// spurious returns are allowed. Told by PUBLISH in push() (and by this object's own pushes
  /// without a round trip); looks itself, within a second, while no subscription stands. Returns
  /// also when the dispatch becomes open.
  virtual boost::asio::awaitable<Result<void>> wait_for_work(std::vector<LaneId> lanes,
                                                             SteadyTime deadline) = 0;
  /// Ends the waits of wait_for_work() on this object: somebody knows better.
  virtual void wake() = 0;

  /// Heartbeat: the leases end `lease` from now. For each of them
  /// - it is there, with this token and holder: extended; says whether cancellation was asked for.
  /// - it is not, and this is the first heartbeat of the run on this server process (it has been
  ///   claimed, or last put back, on another), or the dispatch is closed and no other lease of the
  ///   job stands: put back with its flags, unless a lease with a higher token, or with this token
  ///   and another holder, stands; a ticket with this token or a lower one is dropped then.
  /// - else the lease is lost: `conflict`.
  /// The implementation remembers, of each claimed run until it is released, token, lane, flags and
  /// the server on which it was last seen. A run that it does not know is taken as one last seen on
  /// this server.
  virtual boost::asio::awaitable<jobs::PerItem<jobs::LeaseState>> extend(
      std::vector<jobs::RunRef> runs, std::chrono::milliseconds lease) = 0;

  /// Notes that the handlers of these runs begin. `conflict`: the lease is not there with this
  /// token and holder.
  virtual boost::asio::awaitable<jobs::PerItem<jobs::LeaseState>> mark_started(
      std::vector<jobs::RunRef> runs) = 0;

  /// Lets go of runs that have been claimed here and whose handlers will not begin: their leases
  /// lapse at once (expired() of anyone), as not started.
  virtual boost::asio::awaitable<Result<void>> hand_back(std::vector<jobs::RunRef> runs) = 0;

  /// Drops leases with exactly these tokens, whoever holds them: the record has moved on. Done on
  /// a closed dispatch, too. Forgets the runs, also when Redis is away.
  virtual boost::asio::awaitable<Result<void>> release(std::vector<jobs::RunRef> runs) = 0;

  /// Lets go of jobs: a ticket is removed (`removed`); a lease stays, and is marked when
  /// `ask_to_cancel` is set, so that the next heartbeat tells (`leased`); where there is neither,
  /// the watermark is raised to the stamp (`absent`), so that a push that comes late is checked; so
  /// it is when a ticket of another stamp was removed.
  virtual boost::asio::awaitable<Result<std::vector<WithdrawOutcome>>> withdraw(
      std::vector<StampedJob> jobs, bool ask_to_cancel) = 0;

  /// Where these jobs are, in the ids' order.
  virtual boost::asio::awaitable<Result<std::vector<TicketPlace>>> look(std::vector<Uuid> ids) = 0;

  /// Tickets, then leases, page after page; nothing is changed. Some stand in two pages or, when
  /// they come or go meanwhile, in none. The first cursor is empty.
  virtual boost::asio::awaitable<Result<Audit>> audit(std::string cursor, std::size_t limit) = 0;

  /// What stands in each lane that has tickets or leases.
  virtual boost::asio::awaitable<Result<std::vector<LaneLook>>> lanes() = 0;

  /// Leases that have lapsed, oldest first, at most `limit`; they stay. Those that may have lapsed
  /// because nobody could beat are left out: for the length of the lease after the dispatch was
  /// opened, after this object lost its connection, and after the server's clock stepped (as
  /// jobs_postgres/session.hpp, trusted_since()).
  virtual boost::asio::awaitable<Result<std::vector<LapsedLease>>> expired(std::size_t limit) = 0;
  /// Makes every lease of this holder lapse at once, for expired() of others: it closes.
  virtual boost::asio::awaitable<Result<void>> give_up_leases() = 0;

  /// Raises the watermark to `stamp`; a lower one does nothing. `term` as in open().
  virtual boost::asio::awaitable<Result<void>> raise_watermark(std::int64_t stamp,
                                                               std::int64_t term) = 0;

  /// How long this server process has been waiting to be opened in this epoch: counted by the
  /// server from a key that the first call sets, and that is lost with everything else, so that the
  /// count begins anew. Zero length and `is_open` when it is open.
  virtual boost::asio::awaitable<Result<Opening>> opening() = 0;
  /// Opens, in one script: drops every ticket of old, keeps the leases, raises the watermark,
  /// replaces the set of paused queues, writes `open`. `waited`: what opening() must have come to,
  /// judged in the script again; `unavailable` when it has not. `conflict`: a higher `term` has
  /// written here.
  virtual boost::asio::awaitable<Result<void>> open(OpenRequest request) = 0;
  /// Closes: nothing is claimed any more. Leases go on.
  virtual boost::asio::awaitable<Result<void>> close() = 0;

  /// Pauses or resumes a queue: claims of every process leave its lanes out from here on.
  virtual boost::asio::awaitable<Result<void>> set_paused(std::string queue, bool paused) = 0;
  /// Whether jobs of this lane and priority wait in the record for room. While they do, submits go
  /// there, too, lest they overtake; window() of every process learns it.
  virtual boost::asio::awaitable<Result<void>> set_backlog(LaneId lane, jobs::Priority priority,
                                                           bool waits) = 0;

  /// What of the server's settings risks more than that a job is tried again, each as a sentence.
  /// None where the server does not tell its settings.
  virtual boost::asio::awaitable<Result<std::vector<std::string>>> risks() = 0;

  /// Ends waits and connections; whatever is called then answers `unavailable`.
  virtual void shut_down() = 0;

 protected:
  Dispatch() = default;
};

/// Connects to Redis 7 or later (`redis://…`, as net/redis/options.hpp says); does not wait for it.
/// `Errc::invalid_argument`: the URL or an option.
///
/// Every key is "rwp:{NAME}:…", so that one script may use all of them. How it keeps them is its
/// own affair; what is cheap: a sorted set by `seq` for each lane and priority, one hash of bodies,
/// one of leases, one sorted set of leases by their end.
Result<std::shared_ptr<Dispatch>> make_redis_dispatch(Runtime& runtime, const Url& url,
                                                      DispatchOptions options);

}  // namespace rwp::jobs_tiered
