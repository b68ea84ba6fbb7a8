#include "jobs/isolated/session.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <utility>

namespace rwp::jobs::isolation {

namespace asio = boost::asio;

namespace {

/// How often the reason to stop is looked at that comes without a cancellation (a drain begins so).
constexpr std::chrono::milliseconds kLook{50};
/// From the signal that a child's processor time is used up, which it may ignore, to its end. The
/// first second is what the kernel's limit is rounded up by.
constexpr std::chrono::seconds kCpuGrace{2};
constexpr std::size_t kMaxWords = 4'096;

SteadyTime now() { return std::chrono::steady_clock::now(); }

SteadyTime after(std::chrono::milliseconds duration) { return now() + duration; }

Error error_of(const ChildMessage& message) {
  Error error(errc_from_string(message.code), message.message.substr(0, kMaxWords));
  if (message.retryable) error = error.with_retryable(*message.retryable);
  if (message.retry_after_ms) {
    error = error.with_retry_after(std::chrono::milliseconds(
        std::clamp<std::int64_t>(*message.retry_after_ms, 0, 86'400'000)));
  }
  return error;
}

void write_log(const observability::Logger& log, const ChildMessage& message) {
  using observability::LogLevel;
  const LogLevel level = message.level == "debug"   ? LogLevel::debug
                         : message.level == "warn"  ? LogLevel::warn
                         : message.level == "error" ? LogLevel::error
                                                    : LogLevel::info;
  log.log(level, message.event.substr(0, kMaxWords), {{"isolated", true}});
}

}  // namespace

asio::awaitable<Result<JsonText>> Session::run() {
  ++child_.jobs;
  const auto cpu_time = options_.command.limits.max_cpu_time;
  child_.process->allow_cpu_time(cpu_time);
  if (cpu_time.count() > 0) max_cpu_time_ = child_.process->cpu_time() + cpu_time + kCpuGrace;
  child_.process->send(to_frame(job_message(context_->job(), context_->deadline())));
  if (options_.max_wall_time.count() > 0) kill_at_ = after(options_.max_wall_time);
  spawn(co_await asio::this_coro::executor, watch(shared_from_this()));
  auto following = follow();
  auto result = co_await std::move(following);
  done_ = true;
  wake_.notify_all();
  co_return result;
}

/// Tells the child to stop, and kills it when its time is over. The context is looked at only while
/// the run goes on.
asio::awaitable<void> Session::watch(std::shared_ptr<Session> self) {
  while (!self->done_) {
    if (!self->told_) {
      if (const StopReason reason = self->context_->stop_reason(); reason != StopReason::none) {
        self->tell_stop(reason);
      }
    }
    if (self->kill_if_due()) co_return;
    (void)co_await self->wake_.wait_until(std::min(self->kill_at_, after(kLook)));
  }
}

bool Session::kill_if_due() {
  const bool late = now() >= kill_at_;
  const bool out_of_cpu = child_.process->cpu_time() > max_cpu_time_;
  if (!late && !out_of_cpu) return false;
  hung_ = late && !told_ && !closed_;
  out_of_cpu_ = out_of_cpu;
  child_.process->kill();
  return true;
}

void Session::tell_stop(StopReason reason) {
  told_ = true;
  // Of a run without a lease nothing counts any more, and another one may have begun. A drain only
  // asks: the worker says when it must be over.
  if (reason == StopReason::lease_lost) {
    kill_at_ = now();
    return;
  }
  child_.process->send(to_frame(stop_message(reason)));
  if (reason != StopReason::drain) kill_at_ = std::min(kill_at_, after(options_.stop_grace));
}

asio::awaitable<Result<JsonText>> Session::follow() {
  for (;;) {
    auto frame = frames_.next();
    if (!frame) {
      child_.process->kill();
      co_return crashed(Errc::internal, "the child sent " + frame.error().message());
    }
    if (frame->has_value()) {
      heard_ = true;
      const auto message = read_child_message(std::move(**frame));
      if (!message) {
        child_.process->kill();
        co_return crashed(Errc::internal,
                          "the child sent no message: " + message.error().message());
      }
      if (auto end = take(*message)) co_return std::move(*end);
      continue;
    }
    auto bytes = co_await child_.process->read();
    if (bytes && bytes->empty()) {
      auto judging = judge_end();
      co_return co_await std::move(judging);
    }
    if (bytes) {
      frames_.add(*bytes);
      continue;
    }
    // Cancelled: the child is given its time, in which this run waits on.
    co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
    const StopReason reason = context_->stop_reason();
    if (!told_) tell_stop(reason == StopReason::none ? StopReason::cancelled : reason);
    kill_at_ = std::min(kill_at_, after(options_.stop_grace));
    wake_.notify_all();
  }
}

std::optional<Result<JsonText>> Session::take(const ChildMessage& message) {
  const std::string& type = message.type;
  if (type == "result" || type == "error" || type == "snooze" || type == "park" ||
      type == "hand_back") {
    // What comes behind its last word has no run to belong to.
    healthy_ = frames_.is_empty() && !hung_;
  }
  if (type == "result") return Result<JsonText>(message.result);
  if (type == "error") return Result<JsonText>(error_of(message));
  if (type == "hand_back") return Result<JsonText>(context_->hand_back());
  if (type == "snooze") {
    return Result<JsonText>(context_->snooze(std::chrono::milliseconds(message.delay_ms)));
  }
  if (type == "park") {
    return Result<JsonText>(
        context_->park(message.key, std::chrono::milliseconds(message.timeout_ms)));
  }
  return take_note(message);
}

std::optional<Result<JsonText>> Session::take_note(const ChildMessage& message) {
  if (message.type == "progress") {
    context_->progress(message.fraction, message.note);
  } else if (message.type == "cursor") {
    context_->save_cursor(message.cursor);
  } else if (message.type == "log") {
    write_log(context_->log(), message);
  } else if (message.type == "submit" && message.job) {
    auto job = to_new_job(*message.job);
    if (!job) {
      child_.process->kill();
      return crashed(Errc::internal, "the child submitted no job: " + job.error().message());
    }
    context_->submit(std::move(*job));
  } else if (message.type == "emit") {
    OutboxMessage made;
    if (const auto id = Uuid::parse(message.id)) made.id = *id;
    made.topic = message.topic;
    made.body = message.body;
    context_->emit(std::move(made));
  } else {
    child_.process->kill();
    return crashed(Errc::internal, "the child sent a message of unknown type");
  }
  return std::nullopt;
}

/// The child has closed its output without a last word.
asio::awaitable<Result<JsonText>> Session::judge_end() {
  // Closed, and living on: no use to anybody. An end that has come by itself is not disturbed.
  closed_ = true;
  kill_at_ = std::min(kill_at_, after(options_.stop_grace));
  wake_.notify_all();
  const auto end = co_await child_.process->wait();
  if (!end) {
    child_.process->kill();
    co_return end.error();
  }
  const StopReason reason = context_->stop_reason();
  if (told_ && end->fate == ChildFate::killed) {
    co_return Error(Errc::cancelled, "the child was told to stop (" +
                                         std::string(to_string(reason)) + ") and was killed");
  }
  if (end->fate == ChildFate::exited && end->exit_code == 0 && child_.jobs > 1 && !heard_) {
    was_left_ = true;
    co_return Error(Errc::unavailable, "the child had ended");
  }
  context_->log().warn("isolated handler died", {{"end", end->describe()},
                                                 {"cpu_ms", end->cpu_time.count() / 1'000},
                                                 {"peak_memory_bytes", end->peak_memory_bytes}});
  if (hung_) {
    co_return crashed(Errc::deadline_exceeded, "the child was killed: it took more than " +
                                                   std::to_string(options_.max_wall_time.count()) +
                                                   " ms");
  }
  if (out_of_cpu_ || end->fate == ChildFate::out_of_cpu) {
    co_return crashed(Errc::deadline_exceeded, "the child used up its processor time");
  }
  const bool memory = end->fate == ChildFate::out_of_memory || end->exit_code == kOutOfMemoryExit;
  if (memory) co_return crashed(Errc::budget_exceeded, "the child ran out of memory");
  co_return crashed(Errc::internal, "the child " + end->describe() + " without an answer");
}

Error Session::crashed(Errc code, std::string message) {
  healthy_ = false;
  return context_->crash(Error(code, std::move(message)));
}

}  // namespace rwp::jobs::isolation
