#include "jobs/isolated/child_context.hpp"
#include "jobs/isolated/frame.hpp"
#include <rwp/jobs/isolated_main.hpp>
#include <rwp/jobs/outcome.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <fcntl.h>
#include <memory>
#include <mutex>
#include <new>
#include <thread>
#include <unistd.h>
#include <utility>

namespace rwp::jobs {
namespace {

using isolation::ChildContext;
using isolation::ChildMessage;
using isolation::MessageWriter;
using isolation::WorkerMessage;

constexpr int kBrokenProtocol = 76;

[[noreturn]] void end_without_memory() { _exit(isolation::kOutOfMemoryExit); }

/// What the two threads share: the job that comes next, and the one that runs.
class Desk {
 public:
  /// The next job; none: the worker has gone.
  std::optional<WorkerMessage> wait_for_job() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return next_ || closed_; });
    return std::exchange(next_, std::nullopt);
  }
  void begin(std::shared_ptr<ChildContext> context) {
    const std::lock_guard lock(mutex_);
    running_ = std::move(context);
    if (stop_ != StopReason::none) running_->request_stop(stop_);
  }
  void end() {
    const std::lock_guard lock(mutex_);
    running_.reset();
    busy_ = false;
  }

  void put_job(WorkerMessage message) {
    const std::lock_guard lock(mutex_);
    if (busy_) _exit(kBrokenProtocol);
    busy_ = true;
    stop_ = StopReason::none;
    next_ = std::move(message);
    changed_.notify_all();
  }
  void stop(StopReason reason) {
    const std::lock_guard lock(mutex_);
    stop_ = reason;
    if (running_) running_->request_stop(reason);
  }
  void close() {
    const std::lock_guard lock(mutex_);
    if (busy_) _exit(0);  // Nobody waits for what it would say.
    closed_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<WorkerMessage> next_;
  std::shared_ptr<ChildContext> running_;
  StopReason stop_ = StopReason::none;
  bool busy_ = false;
  bool closed_ = false;
};

void hear(Desk& desk) {
  isolation::FrameReader frames(isolation::kMaxFrameToChild);
  std::array<char, 65'536> bytes{};
  for (;;) {
    const ssize_t got = read(STDIN_FILENO, bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return desk.close();
    frames.add(std::string_view(bytes.data(), static_cast<std::size_t>(got)));
    for (;;) {
      auto frame = frames.next();
      if (!frame) _exit(kBrokenProtocol);
      if (!frame->has_value()) break;
      auto message = isolation::read_worker_message(std::move(**frame));
      if (!message) _exit(kBrokenProtocol);
      if (message->type == "job") {
        desk.put_job(std::move(*message));
      } else if (message->type == "stop") {
        desk.stop(isolation::stop_reason_from(message->reason));
      }  // Others are of newer workers.
    }
  }
}

Result<JsonText> run_handler(const std::map<std::string, BlockingHandler>& handlers,
                             ChildContext& context) {
  const auto found = handlers.find(context.job().kind);
  if (found == handlers.end()) {
    return Error(Errc::unsupported, "the isolated program has no handler of this kind");
  }
  try {
    return found->second(context);
  } catch (...) {
    return thrown_error();
  }
}

std::chrono::steady_clock::time_point deadline_of(const WorkerMessage& message) {
  if (!message.deadline_ms) return std::chrono::steady_clock::time_point::max();
  return std::chrono::steady_clock::now() + std::chrono::milliseconds(*message.deadline_ms);
}

/// The protocol's own descriptor; standard output is led to standard error.
int take_standard_output() {
  const int own = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (own < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) _exit(kBrokenProtocol);
  return own;
}

}  // namespace

int isolated_main(std::map<std::string, BlockingHandler> handlers) {
  std::set_new_handler(&end_without_memory);
  const auto writer = std::make_shared<MessageWriter>(take_standard_output());
  Desk desk;
  std::thread ear([&desk] { hear(desk); });
  while (auto message = desk.wait_for_job()) {
    auto job = isolation::to_claimed_job(*message);
    if (!job) _exit(kBrokenProtocol);
    const auto context =
        std::make_shared<ChildContext>(std::move(*job), deadline_of(*message), writer);
    desk.begin(context);
    const ChildMessage last = context->last_message(run_handler(handlers, *context));
    desk.end();
    writer->write(last);
  }
  ear.join();
  return 0;
}

}  // namespace rwp::jobs
