#pragma once

#include "jobs_sqlite/checkpoints.hpp"
#include "jobs_sqlite/transaction.hpp"
#include "net/sqlite/connection.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/clock.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/observability/metrics.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace rwp::jobs_sqlite {

/// Series of one queue; each may be null. They may be added to from any thread.
struct QueueSeries {
  /// Keeps the series.
  std::shared_ptr<observability::Metrics> metrics{};
  observability::Counter* transactions = nullptr;
  observability::Counter* operations = nullptr;
  observability::Counter* failed_groups = nullptr;
};

/// What awaiting a work that makes a `T` answers: `Result<T>`, and a work that makes a Result that
/// one.
template <class T>
struct AnswerOf {
  using type = Result<T>;
};
template <class T>
struct AnswerOf<Result<T>> {
  using type = Result<T>;
};

/// Runs the work of concurrent callers on one connection, on the runtime's pool, one group at a
/// time: what gathers while a group runs is the next group, in one transaction with one fsync, and
/// each caller is answered when its group is committed. That is group commit.
///
/// When anything in a group fails, the group is rolled back and run again by halves, until what
/// fails stands alone. Work must therefore start afresh each time it is run.
///
/// Threads: `run` on the runtime's I/O thread. Lifetime: kept by its calls in flight.
class ConnectionQueue : public std::enable_shared_from_this<ConnectionQueue> {
 public:
  enum class Mode : std::uint8_t {
    read,    ///< No transaction of its own.
    lazy,    ///< A commit that reaches the file with the next durable one, or a little later.
    durable  ///< An fsync before the answer.
  };
  using OnCommitted = std::function<void(Effects&)>;

  struct Options {
    std::shared_ptr<const Clock> clock{};
    std::int64_t token_floor = 1;
    std::int64_t holder = 0;
    bool synchronous_full = true;
    QueueSeries series{};
    /// Sees to the write-ahead log between groups; may be null.
    std::shared_ptr<Checkpoints> checkpoints{};
    /// Told on the I/O thread what committed transactions did to others.
    OnCommitted on_committed{};
    /// Told on the pool how long the write lock was waited for; max(): in vain.
    std::function<void(std::chrono::nanoseconds)> on_lock_wait{};
  };

  ConnectionQueue(Runtime& runtime, std::unique_ptr<net_sqlite::Connection> connection,
                  Options options);

  /// Runs `work` and answers what it made. A caller that is cancelled meanwhile is told that the
  /// outcome is unknown, unless the work had not begun: then it never will.
  template <class T>
  boost::asio::awaitable<typename AnswerOf<T>::type> run(Mode mode,
                                                         std::function<T(Transaction&)> work) {
    // Shared, since the caller may leave before it runs.
    auto operation = std::make_shared<OperationOf<T>>(mode, std::move(work));
    auto done = co_await run_operation(operation);
    if (!done) co_return done.error();
    co_return std::move(*operation->made);
  }

 private:
  struct Operation {
    explicit Operation(Mode asked) : mode(asked) {}
    virtual ~Operation() = default;
    Operation(const Operation&) = delete;
    Operation& operator=(const Operation&) = delete;
    virtual void run(Transaction& transaction) = 0;

    const Mode mode;
    Signal ended{};
    bool begun = false;
    bool done = false;
    bool abandoned = false;
    Result<void> outcome{};
  };
  template <class T>
  struct OperationOf final : Operation {
    OperationOf(Mode asked, std::function<T(Transaction&)> asked_work)
        : Operation(asked), work(std::move(asked_work)) {}
    void run(Transaction& transaction) override { made.emplace(work(transaction)); }

    std::function<T(Transaction&)> work;
    std::optional<T> made{};
  };
  using Group = std::vector<std::shared_ptr<Operation>>;

  boost::asio::awaitable<Result<void>> run_operation(std::shared_ptr<Operation> operation);
  void start_group();
  struct Attempt {
    bool begun = false;
    std::size_t ran = 0;
    std::optional<Error> problem{};
  };

  /// On the pool.
  void run_group(Group group);
  /// Runs the group, answers how many of it were dealt with.
  std::size_t execute(const Group& group);
  Attempt run_together(const Group& group, std::size_t first, std::size_t last);
  /// Answers false when a transaction could not even begin; the rest has failed then.
  bool run_by_halves(const Group& group, std::size_t first, std::size_t last);
  static void fail(const Group& group, std::size_t first, std::size_t last, const Error& problem);
  void end_group(Group group, std::size_t dealt_with);
  void begin(Transaction& transaction, bool durable);
  void rollback() noexcept;

  Runtime& runtime_;
  /// Held by the pool's thread that has the connection: the next group may be on its way before the
  /// last one's thread is done with it.
  std::mutex connection_mutex_;
  const std::unique_ptr<net_sqlite::Connection> connection_;
  const Options options_;
  Lanes lanes_;
  std::deque<std::shared_ptr<Operation>> pending_;
  bool running_ = false;
  bool synchronous_now_ = true;
  Effects effects_;  ///< Of the group that runs; the pool's until it has ended.
};

}  // namespace rwp::jobs_sqlite
