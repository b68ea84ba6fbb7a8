#include <rwp/core/runtime.hpp>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>

#include <algorithm>
#include <mutex>
#include <optional>
#include <pthread.h>
#include <thread>

namespace rwp {
namespace {

void name_this_thread(const std::string& name) {
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
}

}  // namespace

struct Runtime::Impl {
  explicit Impl(RuntimeOptions given)
      : options(std::move(given)), guard(boost::asio::make_work_guard(context)) {
    options.blocking_threads = std::clamp(options.blocking_threads, 1U, 1024U);
    thread = std::thread([this] {
      name_this_thread(options.name);
      context.run();
    });
  }

  RuntimeOptions options;
  std::thread thread;  // Outlives the context, whose last handlers may ask for it.
  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard;
  std::once_flag pool_started;
  std::optional<boost::asio::thread_pool> pool;
};

Runtime::Runtime(RuntimeOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}

Runtime::~Runtime() {
  // First the pool, so that a call that has begun finds the I/O thread for its answer.
  if (impl_->pool) {
    impl_->pool->stop();
    impl_->pool->join();
  }
  impl_->guard.reset();
  impl_->context.stop();
  impl_->thread.join();
}

boost::asio::any_io_executor Runtime::executor() const { return impl_->context.get_executor(); }

boost::asio::any_io_executor Runtime::blocking() const {
  std::call_once(impl_->pool_started,
                 [this] { impl_->pool.emplace(impl_->options.blocking_threads); });
  return impl_->pool->get_executor();
}

bool Runtime::on_io_thread() const noexcept {
  // Once the I/O thread has ended, whoever destroys the runtime stands for it: what goes with the
  // coroutines that are dropped must not wait for a thread that is no more.
  if (!impl_->thread.joinable()) return true;
  return impl_->thread.get_id() == std::this_thread::get_id();
}

}  // namespace rwp
