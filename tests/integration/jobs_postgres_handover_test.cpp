// Jobs that the transaction of their submit leases to a worker that waits.

#include "jobs_postgres/claim.hpp"
#include <rwp/core/async.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <future>
#include <libpq-fe.h>
#include <memory>
#include <support/postgres_fixture.hpp>
#include <thread>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
using jobs::JobState;
using std::chrono::steady_clock;

class PostgresHandoverTest : public PostgresTest {
 protected:
  /// A call that is under way.
  class Waiting {
   public:
    template <class T>
    Waiting(Runtime& runtime, boost::asio::awaitable<Result<T>> wait)
        : ended_(promise_->get_future()) {
      auto keep = [](boost::asio::awaitable<Result<T>> what) -> boost::asio::awaitable<void> {
        (void)co_await std::move(what);
      };
      auto operation = keep(std::move(wait));
      task_ = Task(runtime.executor(), std::move(operation),
                   [promise = promise_](std::exception_ptr) { promise->set_value(); });
    }
    void join() { ended_.get(); }
    void cancel() {
      task_.cancel();
      join();
    }

   private:
    std::shared_ptr<std::promise<void>> promise_ = std::make_shared<std::promise<void>>();
    std::future<void> ended_;
    Task task_;
  };

  JobState state_of(const Uuid& id) { return wait(store_->get({id})).value()[0]->state; }
  /// Submits while a worker waits, again and again until one is leased to it: the wait must have
  /// looked at what is there first, for which it is given more time with each try. The others are
  /// claimed and ended.
  Uuid hand_one_over() {
    const auto deadline = steady_clock::now() + kGuard;
    auto head_start = 1ms;
    while (steady_clock::now() < deadline) {
      Waiting waiting(runtime_, store_->wait_for_work(claim_of(1), deadline));
      std::this_thread::sleep_for(head_start);
      head_start = std::min(2 * head_start, 1'000ms);
      const Uuid id = wait(store_->insert({{.kind = "k"}})).value()[0]->id;
      waiting.join();
      if (state_of(id) == JobState::running) return id;
      end(wait(store_->claim(claim_of(10))).value());
    }
    ADD_FAILURE() << "no job was handed over";
    return Uuid();
  }
  void end(const std::vector<jobs::ClaimedJob>& claimed) {
    std::vector<jobs::Completion> completions;
    for (const auto& job : claimed) {
      completions.push_back({.run = job.run, .outcome = jobs::Succeed{}});
    }
    if (completions.empty()) return;
    for (const auto& answer : wait(store_->finish(std::move(completions))).value()) {
      EXPECT_TRUE(answer.has_value());
    }
  }
  /// As hand_one_over(), again and again until it is claimed before it is handed back, which a slow
  /// machine may be too late for: its next run has another token.
  jobs::ClaimedJob claim_one_handed_over(std::chrono::milliseconds lease) {
    const auto deadline = steady_clock::now() + 3 * kGuard;
    while (steady_clock::now() < deadline) {
      const Uuid id = hand_one_over();
      const auto claimed = wait(store_->claim(claim_of(10, lease))).value();
      if (claimed.size() == 1 && claimed[0].run.id == id && claimed[0].run.token == 1) {
        return claimed[0];
      }
      end(claimed);
    }
    ADD_FAILURE() << "no job that was handed over was claimed in time";
    return {};
  }
  static bool eventually(const std::function<bool()>& holds) {
    const auto deadline = steady_clock::now() + kGuard / 2;
    while (!holds() && steady_clock::now() < deadline) std::this_thread::sleep_for(5ms);
    return holds();
  }
  bool eventually_ready(const Uuid& id) {
    return eventually([&] { return state_of(id) == JobState::ready; });
  }
  /// As the next worker of a rescue finds it.
  void expect_unmarked_after_rescue(const Uuid& id) {
    EXPECT_TRUE(eventually(
        [&] { return wait(store_->rescue()).has_value() && state_of(id) == JobState::ready; }));
    EXPECT_EQ(sql("SELECT marks FROM rwp.ready WHERE id = '" + id.to_string() + "'"), "0");
  }
  /// The server refuses to do this to runs that a submit has leased, and notes that it has.
  void refuse(const std::string& what) {
    sql("CREATE SEQUENCE public.refusals");
    sql("CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " PERFORM nextval('public.refusals'); RAISE check_violation; END $$");
    sql("CREATE TRIGGER refuse BEFORE " + what +
        " ON rwp.running FOR EACH ROW WHEN (OLD.lease_ms > 30000) EXECUTE FUNCTION "
        "public.refuse()");
  }
  bool eventually_refused() {
    return eventually([&] { return sql("SELECT is_called FROM public.refusals") == "t"; });
  }
  /// Nobody writes to the table of runs while it stands.
  std::unique_ptr<PGconn, decltype(&PQfinish)> hold_runs() {
    std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(url().c_str()), &PQfinish);
    PQclear(PQexec(connection.get(), "BEGIN; LOCK TABLE rwp.running IN EXCLUSIVE MODE"));
    EXPECT_EQ(PQtransactionStatus(connection.get()), PQTRANS_INTRANS);
    return connection;
  }
  void allow() { sql("DROP TRIGGER refuse ON rwp.running"); }

  std::shared_ptr<jobs::JobStore> store_ = open();
};

TEST(ClaimNumbersTest, WhatIsGivenUpIsKnownUntilItHasBeenFreedLongAfterwards) {
  jobs_postgres::ClaimNumbers numbers;
  const auto began = steady_clock::now();
  numbers.give_up(numbers.next());
  EXPECT_EQ(numbers.given_up().size(), 1U);

  // The server may still be at it.
  numbers.freed(began + 10s);
  EXPECT_EQ(numbers.given_up().size(), 1U);
  numbers.freed(steady_clock::now() + 100s);
  EXPECT_TRUE(numbers.given_up().empty());
}

TEST_F(PostgresHandoverTest, AWorkerThatWaitsClaimsWhatTheSubmitHasLeasedToIt) {
  const auto claimed = claim_one_handed_over(30s);

  EXPECT_TRUE(claimed.started);
  EXPECT_EQ(claimed.kind, "k");
  EXPECT_EQ(state_of(claimed.run.id), JobState::running);
  end({claimed});
  EXPECT_EQ(state_of(claimed.run.id), JobState::succeeded);
}

TEST_F(PostgresHandoverTest, ALeaseHasTheLengthThatTheClaimAsksFor) {
  const auto claimed = claim_one_handed_over(5s);

  EXPECT_EQ(sql("SELECT lease_ms FROM rwp.running WHERE id = '" + claimed.run.id.to_string() + "'"),
            "5000");
}

TEST_F(PostgresHandoverTest, ALeaseThatCannotBeBroughtToTheClaimsLengthLeavesNoMark) {
  refuse("UPDATE");
  const auto deadline = steady_clock::now() + 3 * kGuard;
  Uuid id = hand_one_over();
  auto claimed = wait(store_->claim(claim_of(10, 5s))).value();
  // On a slow machine it has been handed back before, and is claimed as any other.
  while (!claimed.empty() && steady_clock::now() < deadline) {
    end(claimed);
    id = hand_one_over();
    claimed = wait(store_->claim(claim_of(10, 5s))).value();
  }
  ASSERT_TRUE(claimed.empty());
  allow();

  expect_unmarked_after_rescue(id);
}

TEST_F(PostgresHandoverTest, AClaimThatIsCancelledWhileItExtendsALeaseLeavesNoMark) {
  const Uuid id = hand_one_over();
  {
    const auto extending = hold_runs();
    Waiting claiming(runtime_, store_->claim(claim_of(10, 5s)));
    EXPECT_TRUE(eventually([&] {
      return sql("SELECT count(*) FROM pg_locks WHERE NOT granted"
                 " AND relation = 'rwp.running'::regclass") != "0";
    }));
    claiming.cancel();
  }

  expect_unmarked_after_rescue(id);
}

TEST_F(PostgresHandoverTest, WhatCannotBeHandedBackLeavesNoMark) {
  refuse("DELETE");
  const Uuid id = hand_one_over();
  ASSERT_TRUE(eventually_refused());
  allow();

  expect_unmarked_after_rescue(id);
}

TEST_F(PostgresHandoverTest, WhatNobodyClaimsIsReadyAgainAsIfItHadNotBeenLeased) {
  const Uuid id = hand_one_over();

  ASSERT_TRUE(eventually_ready(id));

  const auto claimed = wait(store_->claim(claim_of(10))).value();
  ASSERT_EQ(claimed.size(), 1U);
  EXPECT_EQ(claimed[0].attempt, 0);
  EXPECT_FALSE(claimed[0].alone);
  EXPECT_EQ(sql("SELECT marks FROM rwp.running"), "0");
}

TEST_F(PostgresHandoverTest, AnotherStoreGetsWhatNobodyClaims) {
  auto other = open();
  const Uuid id = hand_one_over();

  ASSERT_TRUE(eventually_ready(id));

  EXPECT_EQ(wait(other->claim(claim_of(10))).value().size(), 1U);
}

TEST_F(PostgresHandoverTest, AJobOfAPausedQueueIsNotHandedOver) {
  // The wait has been offered jobs before, so it would take this one.
  hand_one_over();
  (void)wait(store_->claim(claim_of(10)));
  ASSERT_TRUE(wait(store_->pause("default")));
  Waiting waiting(runtime_, store_->wait_for_work(claim_of(1), steady_clock::now() + 100ms));

  const Uuid id = wait(store_->insert({{.kind = "k"}})).value()[0]->id;
  waiting.cancel();

  EXPECT_EQ(state_of(id), JobState::ready);
}

TEST_F(PostgresHandoverTest, TheSameIdAgainIsTheSameJob) {
  const Uuid id = hand_one_over();
  Waiting waiting(runtime_, store_->wait_for_work(claim_of(1), steady_clock::now() + kGuard));

  const auto again = wait(store_->insert({{.id = id, .kind = "k"}})).value();
  waiting.cancel();

  EXPECT_EQ(again[0]->outcome, jobs::Inserted::Outcome::existing);
  EXPECT_EQ(sql("SELECT count(*) FROM rwp.job WHERE id = '" + id.to_string() + "'"), "1");
}

TEST_F(PostgresHandoverTest, AStoreThatClosesGivesUpWhatItHasBeenHanded) {
  const Uuid id = hand_one_over();

  store_.reset();

  store_ = open();
  ASSERT_TRUE(eventually_ready(id));
  EXPECT_EQ(sql("SELECT marks FROM rwp.ready"), "0");
}

}  // namespace
}  // namespace rwp::tests
