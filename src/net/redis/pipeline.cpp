#include "net/redis/pipeline.hpp"

#include <utility>

namespace rwp::net_redis {

void Pipeline::finish(Call& call, std::optional<Error> failure) {
  call.done = true;
  call.failure = std::move(failure);
  call.ended.notify_all();
}

Result<void> Pipeline::add(std::shared_ptr<Call> call) {
  if (call->bytes.size() > limits_.max_pending_bytes) {
    return Error(Errc::invalid_argument,
                 "redis: " + call->name + " is larger than all that may wait to be sent");
  }
  if (pending() >= limits_.max_pending ||
      waiting_bytes_ + call->bytes.size() > limits_.max_pending_bytes) {
    return Error(Errc::unavailable, "redis: too many commands wait for the server");
  }
  wait_at(waiting_.end(), std::move(call));
  return {};
}

void Pipeline::abandon(const std::shared_ptr<Call>& call) {
  call->abandoned = true;
  // One that was sent may wait here too, to be repeated.
  if (!call->place) return;
  waiting_bytes_ -= call->bytes.size();
  waiting_.erase(*std::exchange(call->place, std::nullopt));
}

void Pipeline::wait_at(Place before, std::shared_ptr<Call> call) {
  Call& waiting = *call;
  waiting_bytes_ += waiting.bytes.size();
  waiting.place = waiting_.insert(before, std::move(call));
}

Pipeline::Batch Pipeline::take(std::uint64_t connection, std::size_t most_bytes, SteadyTime now) {
  Batch batch;
  while (!waiting_.empty() && batch.bytes.size() < most_bytes) {
    const std::shared_ptr<Call> call = std::move(waiting_.front());
    waiting_.pop_front();
    call->place.reset();
    waiting_bytes_ -= call->bytes.size();
    if (call->only_on != 0 && call->only_on != connection) {
      finish(*call, Error(Errc::unavailable,
                          "redis: " + call->name + " was for a connection that is gone; not sent"));
      continue;
    }
    batch.bytes += call->bytes;
    batch.commands += call->commands;
    if (!call->repeatable) std::string().swap(call->bytes);
    call->sent = true;
    in_flight_.push_back(Sent{.call = call, .sent_at = now});
  }
  return batch;
}

Result<std::shared_ptr<Call>> Pipeline::answer(Reply reply) {
  if (in_flight_.empty()) {
    return Error(Errc::corrupt, "redis: an answer that nobody asked for");
  }
  Call& oldest = *in_flight_.front().call;
  oldest.replies.push_back(std::move(reply));
  if (oldest.replies.size() < oldest.commands) return std::shared_ptr<Call>();
  std::shared_ptr<Call> ended = std::move(in_flight_.front().call);
  in_flight_.pop_front();
  finish(*ended, std::nullopt);
  return ended;
}

void Pipeline::lose(const Error& why) {
  std::deque<Sent> lost = std::exchange(in_flight_, {});
  // From the last to the first, so that those to be repeated keep their order.
  while (!lost.empty()) {
    std::shared_ptr<Call> owned = std::move(lost.back().call);
    lost.pop_back();
    Call& call = *owned;
    if (call.abandoned) continue;
    if (call.repeatable) {
      call.replies.clear();
      wait_at(waiting_.begin(), std::move(owned));
      continue;
    }
    finish(call, Error(Errc::unavailable, "redis: " + call.name +
                                              ": the connection was lost after it was sent; "
                                              "the outcome is unknown")
                     .with_cause(why));
  }
}

void Pipeline::fail_waiting(const Error& why) {
  const auto waiting = std::exchange(waiting_, {});
  waiting_bytes_ = 0;
  for (const auto& call : waiting) {
    call->place.reset();
    finish(*call, why.with_context(call->name));
  }
}

}  // namespace rwp::net_redis
