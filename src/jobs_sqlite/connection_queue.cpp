#include "jobs_sqlite/connection_queue.hpp"

#include <algorithm>
#include <chrono>
#include <exception>
#include <iterator>

namespace rwp::jobs_sqlite {
namespace {

/// Most operations that wait; beyond, callers are told to come back.
constexpr std::size_t kMaxPending = 100'000;
/// A group is committed once it has taken so long, so that other processes get their turn.
constexpr std::chrono::milliseconds kLongestTransaction{8};

void add(observability::Counter* counter, std::size_t amount) {
  if (counter != nullptr) counter->add(static_cast<double>(amount));
}

Error error_of(std::exception_ptr thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const net_sqlite::Failure& failure) {
    return failure.error();
  } catch (const ErrorException& problem) {
    return problem.error();
  } catch (const std::exception& problem) {
    return Error(Errc::internal, problem.what());
  }
}

}  // namespace

ConnectionQueue::ConnectionQueue(Runtime& runtime,
                                 std::unique_ptr<net_sqlite::Connection> connection,
                                 Options options)
    : runtime_(runtime), connection_(std::move(connection)), options_(std::move(options)) {}

boost::asio::awaitable<Result<void>> ConnectionQueue::run_operation(
    std::shared_ptr<Operation> operation) {
  if (pending_.size() >= kMaxPending) {
    co_return Error(Errc::unavailable, "too many operations wait for the database");
  }
  auto self = shared_from_this();
  pending_.push_back(operation);
  if (!running_) {
    running_ = true;
    // Not at once: what other coroutines that are awake now have to add, joins the group.
    post(runtime_.executor(), [self] { self->start_group(); });
  }
  while (!operation->done) {
    const Wake wake = co_await operation->ended.wait_until(SteadyTime::max());
    if (wake != Wake::cancelled || operation->done) continue;
    operation->abandoned = true;
    co_return Error(Errc::cancelled, operation->begun
                                         ? "the wait was cancelled; the outcome is unknown"
                                         : "the wait was cancelled before the work began");
  }
  co_return operation->outcome;
}

void ConnectionQueue::start_group() {
  std::erase_if(pending_, [](const auto& operation) { return operation->abandoned; });
  if (pending_.empty()) {
    running_ = false;
    return;
  }
  Group group(std::make_move_iterator(pending_.begin()), std::make_move_iterator(pending_.end()));
  pending_.clear();
  for (const auto& operation : group) operation->begun = true;
  post(runtime_.blocking(), [self = shared_from_this(), group = std::move(group)]() mutable {
    self->run_group(std::move(group));
  });
}

void ConnectionQueue::run_group(Group group) {
  const std::lock_guard lock(connection_mutex_);
  const std::size_t dealt_with = execute(group);
  post(runtime_.executor(),
       [self = shared_from_this(), group = std::move(group), dealt_with]() mutable {
         self->end_group(std::move(group), dealt_with);
       });
  if (options_.checkpoints) options_.checkpoints->committed(*connection_);
}

void ConnectionQueue::begin(Transaction& transaction, bool durable) {
  transaction.token_floor = options_.token_floor;
  transaction.holder = options_.holder;
  const bool synchronous = durable && options_.synchronous_full;
  if (synchronous != synchronous_now_) {
    connection_->query(synchronous ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL")
        .run();
    synchronous_now_ = synchronous;
  }
  const auto asked = std::chrono::steady_clock::now();
  try {
    connection_->query("BEGIN IMMEDIATE").run();
  } catch (...) {
    if (options_.on_lock_wait) options_.on_lock_wait(std::chrono::nanoseconds::max());
    throw;
  }
  if (options_.on_lock_wait) options_.on_lock_wait(std::chrono::steady_clock::now() - asked);
  // Not before the wait for the lock: a lease counts from when it is given.
  transaction.now = options_.clock->now();
  transaction.since_boot = options_.clock->since_boot();
}

void ConnectionQueue::rollback() noexcept {
  try {
    if (connection_->in_transaction()) connection_->query("ROLLBACK").run();
  } catch (...) {  // The next BEGIN tells.
  }
  lanes_.forget();
}

std::size_t ConnectionQueue::execute(const Group& group) {
  const Attempt attempt = run_together(group, 0, group.size());
  std::size_t dealt_with = group.size();
  if (!attempt.problem) {
    dealt_with = attempt.ran;
  } else if (!attempt.begun || group.size() == 1) {
    fail(group, 0, group.size(), *attempt.problem);
  } else {
    // Whose fault it was shows by halves, until the culprit stands alone. What a failed commit left
    // unknown is settled by it too: all work finds what it had done before, and answers that.
    add(options_.series.failed_groups, 1);
    run_by_halves(group, 0, group.size());
  }
  add(options_.series.operations, dealt_with);
  return dealt_with;
}

/// One transaction for operations from `first` on, as many of those before `last` as its time
/// allows.
ConnectionQueue::Attempt ConnectionQueue::run_together(const Group& group, std::size_t first,
                                                       std::size_t last) {
  Mode mode = Mode::read;
  for (std::size_t i = first; i < last; ++i) mode = std::max(mode, group[i]->mode);
  Attempt attempt;
  add(options_.series.transactions, 1);
  try {
    Transaction transaction(*connection_, lanes_);
    const auto started = std::chrono::steady_clock::now();
    if (mode != Mode::read) {
      begin(transaction, mode == Mode::durable);
    } else {
      transaction.holder = options_.holder;
      transaction.now = options_.clock->now();
      transaction.since_boot = options_.clock->since_boot();
      connection_->query("BEGIN").run();  // One snapshot for what a caller reads.
    }
    attempt.begun = true;
    for (std::size_t i = first; i < last; ++i) {
      group[i]->run(transaction);
      ++attempt.ran;
      if (std::chrono::steady_clock::now() - started > kLongestTransaction) break;
    }
    if (mode != Mode::read) transaction.flush();
    connection_->query("COMMIT").run();
    for (std::size_t i = first; i < first + attempt.ran; ++i) group[i]->outcome = Result<void>();
    effects_.look_again = effects_.look_again || transaction.effects.look_again;
    effects_.ready.insert(effects_.ready.end(), transaction.effects.ready.begin(),
                          transaction.effects.ready.end());
    effects_.ended.insert(effects_.ended.end(), transaction.effects.ended.begin(),
                          transaction.effects.ended.end());
  } catch (...) {
    attempt.problem = error_of(std::current_exception());
    rollback();
  }
  return attempt;
}

bool ConnectionQueue::run_by_halves(const Group& group, std::size_t first, std::size_t last) {
  const std::size_t middle = first + (last - first) / 2;
  for (const auto& [from, to] : {std::pair(first, middle), std::pair(middle, last)}) {
    for (std::size_t next = from; next < to;) {
      const Attempt attempt = run_together(group, next, to);
      if (!attempt.problem) {
        next += attempt.ran;
        continue;
      }
      if (!attempt.begun) {
        // Nobody's fault, and each would wait as long for it.
        fail(group, next, last, *attempt.problem);
        return false;
      }
      if (to - next == 1) {
        fail(group, next, to, *attempt.problem);
      } else if (!run_by_halves(group, next, to)) {
        fail(group, to, last, group[to - 1]->outcome.error());
        return false;
      }
      break;
    }
  }
  return true;
}

void ConnectionQueue::fail(const Group& group, std::size_t first, std::size_t last,
                           const Error& problem) {
  for (std::size_t i = first; i < last; ++i) group[i]->outcome = problem;
}

void ConnectionQueue::end_group(Group group, std::size_t dealt_with) {
  if (options_.on_committed) options_.on_committed(effects_);
  effects_ = Effects();
  for (std::size_t i = 0; i < dealt_with; ++i) {
    group[i]->done = true;
    group[i]->ended.notify_all();
  }
  pending_.insert(pending_.begin(),
                  std::make_move_iterator(group.begin() + static_cast<std::ptrdiff_t>(dealt_with)),
                  std::make_move_iterator(group.end()));
  if (pending_.empty()) {
    // The coroutines just woken run first and may bring the next group.
    running_ = false;
    return;
  }
  post(runtime_.executor(), [self = shared_from_this()] { self->start_group(); });
}

}  // namespace rwp::jobs_sqlite
