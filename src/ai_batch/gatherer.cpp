#include "ai_batch/gatherer.hpp"

#include <utility>
#include <vector>

namespace rwp::ai_batch {
namespace {

using boost::asio::awaitable;

}  // namespace

void Gatherer::close(const std::shared_ptr<Group>& group) {
  group->closed = true;
  const auto found = open_.find(group->plan.model);
  if (found != open_.end() && found->second == group) open_.erase(found);
}

awaitable<Result<Uuid>> Gatherer::join(Member member, std::string model, std::size_t bytes) {
  auto& place = open_[model];
  if (!place) {
    place = std::make_shared<Group>();
    place->plan.model = model;
    place->due = std::chrono::steady_clock::now() + options_.max_age;
  }
  const std::shared_ptr<Group> group = place;
  const Uuid row = member.row;
  group->plan.members.push_back(member);
  group->bytes += bytes;
  const bool full =
      group->plan.members.size() >= options_.max_rows || group->bytes >= options_.max_bytes;
  if (full) {
    close(group);
    co_await make(group);
    co_return *group->end;
  }
  while (!group->end) {
    const auto woken = co_await group->changed.wait_until(group->due);
    if (woken == Wake::cancelled) {
      // Not in it, unless it is being made just now: then its job finds that this run has ended.
      if (!group->closed) {
        std::erase_if(group->plan.members, [&](const Member& one) { return one.row == row; });
        group->bytes -= bytes;
        if (group->plan.members.empty()) close(group);
      }
      co_return Error(Errc::cancelled, "the request was not gathered");
    }
    if (woken == Wake::timed_out && !group->closed) {
      close(group);
      co_await make(group);
    } else if (woken == Wake::timed_out) {
      // Being made by another; it tells.
      group->due = SteadyTime::max();
    }
  }
  co_return *group->end;
}

awaitable<void> Gatherer::make(std::shared_ptr<Group> group) {
  // Also when the making is cancelled with an exception: the others must not wait for it.
  const auto tell = [group](void*) {
    if (!group->end) {
      group->end =
          Result<Uuid>(Error(Errc::unavailable, "the batch was not made").with_retryable(true));
    }
    group->changed.notify_all();
  };
  const std::unique_ptr<void, decltype(tell)> guard(this, tell);
  jobs::NewJob job;
  job.id = Uuid::make_v7();
  job.kind = kBatchKind;
  job.queue = options_.queue;
  job.priority = jobs::Priority::high;
  job.payload = plan_json(group->plan);
  job.max_attempts = 1'000;
  const Uuid id = job.id;
  std::vector<jobs::NewJob> one;
  one.push_back(std::move(job));
  auto inserting = store_->insert(std::move(one));
  auto inserted = co_await on(store_->runtime().executor(), std::move(inserting));
  if (!inserted) {
    group->end = Result<Uuid>(inserted.error());
  } else if (!inserted->front()) {
    group->end = Result<Uuid>(inserted->front().error());
  } else {
    group->end = Result<Uuid>(id);
    options_.log.info("requests make a batch",
                      {{"batch", id.to_string()}, {"rows", group->plan.members.size()}});
  }
}

}  // namespace rwp::ai_batch
