#include "support/worker_fixture.hpp"

#include <atomic>
#include <barrier>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace rwp {
namespace {

using jobs::JobState;

/// Like an interpreter's lock: one thread has it at a time, and may give it away while it waits.
class Lock {
 public:
  void take() {
    mutex_.lock();
    holder_ = std::this_thread::get_id();
  }
  void give() {
    holder_ = std::thread::id();
    mutex_.unlock();
  }
  bool is_mine() const { return holder_.load() == std::this_thread::get_id(); }

 private:
  std::mutex mutex_;
  std::atomic<std::thread::id> holder_{};
};

class WorkerScopeTest : public tests::WorkerFixture {
 protected:
  WorkerScopeTest() {
    options_.blocking_scope = [lock = lock_]() -> std::shared_ptr<void> {
      lock->take();
      return {static_cast<void*>(lock.get()), [lock](void*) { lock->give(); }};
    };
  }

  std::vector<Uuid> submit_some(const char* kind, int count) {
    std::vector<Uuid> ids;
    for (int i = 0; i < count; ++i) ids.push_back(submit(kind));
    return ids;
  }

  const std::shared_ptr<Lock> lock_ = std::make_shared<Lock>();
};

TEST_F(WorkerScopeTest, EveryBlockingHandlerRunsWithinOne) {
  const auto within = std::make_shared<std::atomic<int>>(0);
  worker().handle_blocking("count", [within, lock = lock_](Context&) -> Result<JsonText> {
    if (lock->is_mine()) ++*within;
    return JsonText();
  });
  const auto ids = submit_some("count", 200);
  worker().start();

  for (const Uuid id : ids) EXPECT_EQ(ended(id).state, JobState::succeeded);
  EXPECT_EQ(*within, 200);
}

TEST_F(WorkerScopeTest, AHandlerThatGivesItAwayLetsOthersBegin) {
  // All four slots, at once.
  const auto meeting = std::make_shared<std::barrier<>>(4);
  worker().handle_blocking("meet", [meeting, lock = lock_](Context&) -> Result<JsonText> {
    lock->give();
    meeting->arrive_and_wait();
    lock->take();
    return JsonText();
  });
  const auto ids = submit_some("meet", 40);
  worker().start();

  for (const Uuid id : ids) EXPECT_EQ(ended(id).state, JobState::succeeded);
}

TEST_F(WorkerScopeTest, AnIdleWorkerHoldsNone) {
  worker().handle_blocking("once", [](Context&) -> Result<JsonText> { return JsonText(); });
  worker().start();
  EXPECT_EQ(ended(submit("once")).state, JobState::succeeded);

  lock_->take();  // Else this would wait for good.
  EXPECT_TRUE(lock_->is_mine());
  lock_->give();
  EXPECT_EQ(ended(submit("once")).state, JobState::succeeded);
}

}  // namespace
}  // namespace rwp
