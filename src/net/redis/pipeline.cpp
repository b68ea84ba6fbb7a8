#include "net/redis/pipeline.hpp"

#include <utility>

namespace rwp::net_redis {
namespace {

constexpr const char* kUnknown = "sent on a connection that was lost; the outcome is unknown";

std::size_t size_of(const Reply& reply) {
  std::size_t size = sizeof(Reply) + reply.text.size();
  for (const Reply& item : reply.items) size += size_of(item);
  return size;
}

}  // namespace

void Pipeline::finish(Call& call, std::optional<Error> failure) {
  kept_bytes_ -= call.bytes.size();
  std::string().swap(call.bytes);
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
      kept_bytes_ + call->bytes.size() > limits_.max_pending_bytes) {
    return Error(Errc::unavailable, "redis: too many commands wait for the server");
  }
  kept_bytes_ += call->bytes.size();
  wait_at(waiting_.end(), std::move(call));
  return {};
}

void Pipeline::abandon(const std::shared_ptr<Call>& call) {
  call->abandoned = true;
  kept_bytes_ -= call->bytes.size();
  std::string().swap(call->bytes);
  std::vector<Reply>().swap(call->replies);
  // One that was sent may wait here too, to be repeated.
  if (!call->place) return;
  waiting_.erase(*std::exchange(call->place, std::nullopt));
}

void Pipeline::wait_at(Place before, std::shared_ptr<Call> call) {
  Call& waiting = *call;
  waiting.place = waiting_.insert(before, std::move(call));
}

Pipeline::Batch Pipeline::take(std::uint64_t connection, std::size_t most_bytes, SteadyTime now) {
  Batch batch;
  while (!waiting_.empty() && batch.bytes.size() < most_bytes) {
    const std::shared_ptr<Call> call = std::move(waiting_.front());
    waiting_.pop_front();
    call->place.reset();
    if (call->only_on != 0 && call->only_on != connection) {
      const std::string why = call->sent ? kUnknown : "for a connection that is gone; not sent";
      finish(*call, Error(Errc::unavailable, "redis: " + call->name + " was " + why));
      continue;
    }
    batch.bytes += call->bytes;
    batch.commands += call->commands;
    if (!call->repeatable) {
      kept_bytes_ -= call->bytes.size();
      std::string().swap(call->bytes);
    }
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
  if (!oldest.abandoned) {
    oldest.reply_bytes += size_of(reply);
    if (oldest.answers > 0 && oldest.reply_bytes > limits_.max_reply_bytes) {
      return Error(Errc::corrupt, "redis: answers of too many bytes");
    }
    oldest.replies.push_back(std::move(reply));
  }
  if (++oldest.answers < oldest.commands) return std::shared_ptr<Call>();
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
    if (call.repeatable && call.only_on == 0 && call.waits) {
      call.replies.clear();
      call.answers = 0;
      call.reply_bytes = 0;
      wait_at(waiting_.begin(), std::move(owned));
      continue;
    }
    finish(call, Error(Errc::unavailable, "redis: " + call.name +
                                              ": the connection was lost after it was sent; "
                                              "the outcome is unknown")
                     .with_cause(why));
  }
  for (auto next = waiting_.begin(); next != waiting_.end();) {
    const std::shared_ptr<Call> call = *next;
    if (call->only_on == 0 && call->waits) {
      ++next;
      continue;
    }
    next = waiting_.erase(next);
    call->place.reset();
    finish(*call,
           Error(Errc::unavailable, "redis: " + call->name + ": the connection was lost; not sent")
               .with_cause(why));
  }
}

void Pipeline::fail_waiting(const Error& why) {
  const auto waiting = std::exchange(waiting_, {});
  for (const auto& call : waiting) {
    call->place.reset();
    finish(*call, why.with_context(call->sent ? call->name + " was " + kUnknown : call->name));
  }
}

}  // namespace rwp::net_redis
