#include "jobs/worker/worker_loop.hpp"
#include <rwp/jobs/worker.hpp>

#include <algorithm>
#include <array>
#include <cassert>
#include <unistd.h>
#include <utility>

namespace rwp::jobs {
namespace {

std::string default_name() {
  std::array<char, 65> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  return std::string(host.data()) + ":" + std::to_string(getpid());
}

WorkerOptions within_bounds(WorkerOptions options) {
  if (options.name.empty()) options.name = default_name();
  options.concurrency = std::clamp<std::size_t>(options.concurrency, 1, 10'000);
  options.completion_batch = std::max<std::size_t>(options.completion_batch, 1);
  options.lease = std::clamp<std::chrono::milliseconds>(options.lease, std::chrono::seconds(1),
                                                        std::chrono::hours(1));
  const std::chrono::milliseconds third = options.lease / 3;
  if (options.heartbeat_every.count() <= 0) options.heartbeat_every = third;
  options.heartbeat_every = std::clamp<std::chrono::milliseconds>(
      options.heartbeat_every, std::chrono::milliseconds(100), third);
  return options;
}

}  // namespace

struct Worker::Impl {
  std::shared_ptr<JobStore> store;
  Runtime& handlers;
  WorkerOptions options;
  HandlerTable table{};
  std::shared_ptr<WorkerLoop> loop{};

  void add(Handler handler) {
    assert(!loop && "handlers are registered before start()");
    assert(!table.contains(handler.kind) && "a kind has one handler");
    handler.index = table.size();
    std::string kind = handler.kind;
    table.emplace(std::move(kind), std::move(handler));
  }
};

Worker::Worker(std::shared_ptr<JobStore> store, Runtime& handlers, WorkerOptions options)
    : impl_(std::make_shared<Impl>(
          Impl{std::move(store), handlers, within_bounds(std::move(options))})) {}

Worker::~Worker() {
  if (!impl_->loop) return;
  impl_->loop->stop();
  impl_->loop->stop();
  (void)impl_->loop->wait_stopped(SteadyTime::max());
  impl_->loop->release_handlers();
}

void Worker::handle(std::string kind, CoroutineHandler handler, HandlerOptions options) {
  impl_->add({.kind = std::move(kind), .coroutine = std::move(handler), .options = options});
}

void Worker::handle_blocking(std::string kind, BlockingHandler handler, HandlerOptions options) {
  impl_->add({.kind = std::move(kind), .blocking = std::move(handler), .options = options});
}

void Worker::start() {
  assert(!impl_->loop && "started once");
  impl_->loop =
      std::make_shared<WorkerLoop>(impl_->store, impl_->handlers, impl_->options, impl_->table);
  impl_->loop->start();
}

void Worker::stop() {
  if (impl_->loop) impl_->loop->stop();
}

Result<void> Worker::wait_stopped(SteadyTime deadline) {
  if (!impl_->loop || impl_->loop->wait_stopped(deadline)) return {};
  return Error(Errc::deadline_exceeded, "the worker has not stopped yet");
}

WorkerStatistics Worker::statistics() const {
  return impl_->loop ? impl_->loop->statistics() : WorkerStatistics();
}

std::vector<KindSupport> Worker::kinds() const {
  std::vector<KindSupport> kinds;
  for (const auto& [kind, handler] : impl_->table) {
    kinds.push_back({.kind = kind,
                     .min_version = handler.options.min_version,
                     .max_version = handler.options.max_version});
  }
  return kinds;
}

}  // namespace rwp::jobs
