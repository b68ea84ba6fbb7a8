#include "pods/queue_gauges.hpp"

#include <rwp/core/describe.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace rwp::pods {
namespace {

using namespace std::chrono_literals;

/// The series of one queue, looked up once.
struct Shown {
  std::array<observability::Gauge*, jobs::kJobStateCount> states{};
  observability::Gauge* oldest_ready = nullptr;
  observability::Gauge* paused = nullptr;

  void set_all(double value) {
    for (auto* state : states) state->set(value);
    oldest_ready->set(value);
    paused->set(value);
  }
};

class Queues {
 public:
  explicit Queues(std::shared_ptr<observability::Metrics> metrics) : metrics_(std::move(metrics)) {}

  void show(const std::vector<jobs::QueueCounts>& queues) {
    // A queue that is no longer told of is empty.
    for (auto& [name, shown] : shown_) shown.set_all(0);
    const auto now = std::chrono::system_clock::now();
    for (const auto& queue : queues) {
      Shown& shown = of(queue.queue);
      for (std::size_t i = 0; i < jobs::kJobStateCount; ++i) {
        shown.states.at(i)->set(static_cast<double>(queue.states.at(i)));
      }
      shown.paused->set(queue.paused ? 1 : 0);
      if (!queue.oldest_ready) continue;
      const std::chrono::duration<double> age = now - *queue.oldest_ready;
      shown.oldest_ready->set(std::max(age.count(), 0.0));
    }
  }

  void show_nothing() {
    for (auto& [name, shown] : shown_) shown.set_all(std::numeric_limits<double>::quiet_NaN());
  }

 private:
  Shown& of(const std::string& queue) {
    const auto found = shown_.find(queue);
    if (found != shown_.end()) return found->second;
    Shown made;
    for (std::size_t i = 0; i < jobs::kJobStateCount; ++i) {
      const std::string state(enum_name(static_cast<jobs::JobState>(i)));
      made.states.at(i) = &metrics_->gauge("rwp_queue_jobs", "Jobs of a queue in a state.",
                                           {{"queue", queue}, {"state", state}});
    }
    made.oldest_ready =
        &metrics_->gauge("rwp_queue_oldest_ready_seconds",
                         "How long a queue's oldest ready job has been due.", {{"queue", queue}});
    made.paused = &metrics_->gauge("rwp_queue_paused", "1: a queue's jobs are not to be begun.",
                                   {{"queue", queue}});
    return shown_.emplace(queue, made).first->second;
  }

  const std::shared_ptr<observability::Metrics> metrics_;
  std::map<std::string, Shown> shown_;
};

// The store is not the loop's own: the last owner's end would wait for the thread that it is on.
jobs::Awaitable<void> look(jobs::JobStore* store, std::shared_ptr<observability::Metrics> metrics) {
  Queues queues(std::move(metrics));
  while (true) {
    const auto answer = co_await store->counts();
    if (answer) {
      queues.show(*answer);
    } else {
      queues.show_nothing();
    }
    const auto slept = co_await sleep_for(5s);
    if (!slept) co_return;
  }
}

}  // namespace

QueueGauges::QueueGauges(jobs::JobStore& store, std::shared_ptr<observability::Metrics> metrics) {
  const auto ended = std::make_shared<std::promise<void>>();
  ended_ = ended->get_future();
  auto operation = look(&store, std::move(metrics));
  std::function<void(std::exception_ptr)> done = [ended](std::exception_ptr) {
    ended->set_value();
  };
  looking_ = Task(store.runtime().executor(), std::move(operation), std::move(done));
}

QueueGauges::~QueueGauges() {
  looking_.cancel();
  ended_.wait();
}

}  // namespace rwp::pods
