#include "jobs/isolated/child_pool.hpp"
#include "jobs/isolated/session.hpp"
#include <rwp/jobs/isolated.hpp>

#include <boost/asio/this_coro.hpp>

#include <cassert>
#include <memory>
#include <utility>

namespace rwp::jobs {

namespace asio = boost::asio;
using isolation::ChildPool;
using isolation::PoolOwner;
using isolation::Session;

namespace {

asio::awaitable<Result<JsonText>> run_isolated(std::shared_ptr<PoolOwner> owner,
                                               JobContext* context) {
  const auto executor = co_await asio::this_coro::executor;
  const std::shared_ptr<ChildPool> pool = owner->pool();
  auto child = pool->take(executor);
  for (;;) {
    if (!child) co_return child.error();
    const auto session = std::make_shared<Session>(std::move(*child), *context, pool->options());
    auto running = session->run();
    auto result = co_await std::move(running);
    if (session->was_left()) {
      // It ended when this job was on its way: nothing of the job has begun.
      child = pool->start(executor);
      continue;
    }
    auto used = session->take_child();
    if (session->is_healthy()) pool->give_back(executor, std::move(used));
    co_return result;
  }
}

}  // namespace

CoroutineHandler isolated(IsolatedOptions options) {
  assert(options.max_jobs_per_child >= 1 && options.max_jobs_per_child <= 1'000'000);
  assert(options.max_wall_time.count() >= 0 && options.stop_grace.count() >= 0);
  auto owner = std::make_shared<PoolOwner>(std::move(options));
  return [owner = std::move(owner)](JobContext& context) { return run_isolated(owner, &context); };
}

}  // namespace rwp::jobs
