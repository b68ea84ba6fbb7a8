#include "pods/end_waits.hpp"

#include <optional>
#include <utility>

namespace rwp::pods {

using jobs::Awaitable;

namespace {

/// The one answer to a call about one job.
Result<jobs::Job> only(jobs::PerItem<jobs::Job> answers) {
  if (!answers) return answers.error();
  return std::move(answers->front());
}

}  // namespace

struct EndWaits::Wait {
  Task task;
  Signal over;
  bool is_over = false;
  std::optional<Result<jobs::Job>> answer;
};

Awaitable<void> EndWaits::follow(std::shared_ptr<Wait> wait, Uuid id, SteadyTime deadline) {
  std::vector<Uuid> ids{id};
  auto answers = co_await store_->wait_for_end(std::move(ids), deadline);
  wait->answer = only(std::move(answers));
}

Awaitable<Result<jobs::Job>> EndWaits::wait(Uuid id, SteadyTime deadline) {
  const auto self = shared_from_this();
  if (!ended_) {
    auto wait = std::make_shared<Wait>();
    // Also when this frame goes while it waits, at a runtime's end.
    const auto leave = [this](Wait* gone) { waits_.erase(gone); };
    const std::unique_ptr<Wait, decltype(leave)> listed(wait.get(), leave);
    waits_.insert(wait.get());
    std::function<void(std::exception_ptr)> done = [wait](std::exception_ptr) {
      wait->is_over = true;
      wait->over.notify_all();
    };
    auto operation = follow(wait, id, deadline);
    wait->task = Task(store_->runtime().executor(), std::move(operation), std::move(done));
    while (!wait->is_over) {
      const auto wake = co_await wait->over.wait_until(deadline + std::chrono::seconds(5));
      if (wake == Wake::notified) continue;
      wait->task.cancel();
      if (wake == Wake::cancelled) co_return Error(Errc::cancelled, "the caller has gone");
      break;
    }
    const bool cut_short = ended_ || !wait->answer;
    if (!cut_short) co_return std::move(*wait->answer);
  }
  std::vector<Uuid> ids{id};
  auto answers = co_await store_->get(std::move(ids));
  co_return only(std::move(answers));
}

void EndWaits::end_all() {
  post(store_->runtime().executor(), [self = shared_from_this()] {
    self->ended_ = true;
    for (Wait* wait : self->waits_) wait->task.cancel();
  });
}

}  // namespace rwp::pods
