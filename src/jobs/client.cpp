#include <rwp/core/async.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/core/scheme_registry.hpp>
#include <rwp/jobs/client.hpp>
#include <rwp/jobs/job_store.hpp>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <utility>

namespace rwp {
namespace {

using std::chrono::milliseconds;

/// Beyond this a wait is as good as for ever, and adding it to a clock cannot overflow.
constexpr milliseconds kLongestWait{std::chrono::hours(24 * 3650)};

SteadyTime after(milliseconds timeout) {
  return std::chrono::steady_clock::now() + std::clamp(timeout, milliseconds(0), kLongestWait);
}

Error called_on_io_thread() {
  return Error(Errc::internal,
               "the blocking client was called on its store's own I/O thread; use the JobStore "
               "there, or call from another thread")
      .with_retryable(false);
}

/// The one answer to a call about one item.
template <class T>
Result<T> single(jobs::PerItem<T> answers) {
  if (!answers) return answers.error();
  return std::move(answers->front());
}

/// What a job that did not succeed says to whoever waits for its result.
Error failure_of(const jobs::Job& job) {
  const std::string name = "job " + job.id.to_string();
  if (job.state == jobs::JobState::cancelled) {
    return Error(Errc::cancelled, name + " was cancelled");
  }
  // Asking again cannot help, whatever the attempt's own error said: the job has ended.
  if (job.errors.empty()) return Error(Errc::internal, name + " failed").with_retryable(false);
  const jobs::JobError& last = job.errors.back();
  return Error(errc_from_string(last.code), last.message).with_retryable(false);
}

}  // namespace

struct Client::Impl {
  // The store goes before the runtime it lives on.
  std::unique_ptr<Runtime> own_runtime{};
  std::shared_ptr<jobs::JobStore> store{};
  std::atomic<milliseconds> call_timeout{milliseconds(30'000)};

  Impl(std::unique_ptr<Runtime> runtime, std::shared_ptr<jobs::JobStore> opened)
      : own_runtime(std::move(runtime)), store(std::move(opened)) {}

  ~Impl() {
    std::unique_lock lock(mutex_);
    none_in_flight_.wait(lock, [this] { return in_flight_ == 0; });
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  /// Blocks until `operation` has ended on the store's runtime, or until `deadline`.
  template <class T>
  Result<T> call_until(SteadyTime deadline, jobs::Awaitable<Result<T>> operation) {
    if (store->runtime().on_io_thread()) return called_on_io_thread();
    const InFlight counted(*this);
    return block_on(store->runtime(), with_deadline(std::move(operation), deadline));
  }

  template <class T>
  Result<T> call(jobs::Awaitable<Result<T>> operation) {
    return call_until(after(call_timeout.load()), std::move(operation));
  }

  /// The jobs as they are when all have ended or `timeout` has passed.
  jobs::PerItem<jobs::Job> wait(std::vector<Uuid> ids, milliseconds timeout) {
    const SteadyTime deadline = after(timeout);
    // The store keeps the deadline itself; the call's own limit is for the look it then takes.
    return call_until(deadline + std::min(call_timeout.load(), kLongestWait),
                      store->wait_for_end(std::move(ids), deadline));
  }

 private:
  class InFlight {
   public:
    explicit InFlight(Impl& impl) : impl_(impl) {
      const std::lock_guard lock(impl_.mutex_);
      ++impl_.in_flight_;
    }
    ~InFlight() {
      // Told under the lock: the destructor that waits for it destroys the condition.
      const std::lock_guard lock(impl_.mutex_);
      if (--impl_.in_flight_ == 0) impl_.none_in_flight_.notify_all();
    }
    InFlight(const InFlight&) = delete;
    InFlight& operator=(const InFlight&) = delete;

   private:
    Impl& impl_;
  };

  std::mutex mutex_;
  std::condition_variable none_in_flight_;
  std::size_t in_flight_ = 0;
};

Result<Client> Client::open(std::string_view url, const SchemeRegistry& schemes) {
  RuntimeOptions options;
  options.name = "rwp-client";
  auto runtime = std::make_unique<Runtime>(std::move(options));
  auto store = schemes.open<jobs::JobStore>(url, *runtime);
  if (!store) return store.error();
  return Client(std::make_unique<Impl>(std::move(runtime), std::move(*store)));
}

Client::Client(std::shared_ptr<jobs::JobStore> store)
    : Client(std::make_unique<Impl>(nullptr, std::move(store))) {}

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

void Client::set_call_timeout(milliseconds timeout) { impl_->call_timeout.store(timeout); }

Result<jobs::Inserted> Client::submit(jobs::NewJob job) {
  std::vector<jobs::NewJob> one;
  one.push_back(std::move(job));
  return single(submit_many(std::move(one)));
}

Result<std::vector<Result<jobs::Inserted>>> Client::submit_many(std::vector<jobs::NewJob> jobs) {
  return impl_->call(impl_->store->insert(std::move(jobs)));
}

Result<jobs::Job> Client::get(Uuid id) { return single(impl_->call(impl_->store->get({id}))); }

Result<jobs::Job> Client::wait(Uuid id, milliseconds timeout) {
  auto job = single(impl_->wait({id}, timeout));
  if (!job || has_ended(job->state)) return job;
  return Error(Errc::deadline_exceeded, "job " + id.to_string() + " has not ended in time; it is " +
                                            std::string(enum_name(job->state)));
}

Result<std::vector<Result<jobs::Job>>> Client::wait_all(std::vector<Uuid> ids,
                                                        milliseconds timeout) {
  return impl_->wait(std::move(ids), timeout);
}

Result<JsonText> Client::result_text(Uuid id, milliseconds timeout) {
  auto job = wait(id, timeout);
  if (!job) return job.error();
  if (job->state != jobs::JobState::succeeded) return failure_of(*job);
  return std::move(job->result).value_or(JsonText());
}

Result<jobs::CancelOutcome> Client::cancel(Uuid id) {
  return single(impl_->call(impl_->store->cancel({id})));
}

Result<std::size_t> Client::cancel_where(jobs::JobFilter filter) {
  return impl_->call(impl_->store->cancel_where(std::move(filter)));
}

Result<jobs::JobState> Client::retry(Uuid id) {
  return single(impl_->call(impl_->store->retry({id})));
}

Result<std::size_t> Client::retry_where(jobs::JobFilter filter) {
  return impl_->call(impl_->store->retry_where(std::move(filter)));
}

Result<jobs::JobState> Client::set_priority(Uuid id, jobs::Priority priority) {
  return single(impl_->call(impl_->store->set_priority({id}, priority)));
}

Result<jobs::JobState> Client::unpark(Uuid id, std::string key, JsonText value) {
  std::vector<jobs::UnparkRequest> one;
  one.push_back({.id = id, .key = std::move(key), .value = std::move(value)});
  return single(impl_->call(impl_->store->unpark(std::move(one))));
}

Result<jobs::JobPage> Client::list(jobs::JobFilter filter, std::string cursor, std::size_t limit) {
  return impl_->call(impl_->store->list(std::move(filter), std::move(cursor), limit));
}

Result<std::vector<jobs::QueueCounts>> Client::counts() {
  return impl_->call(impl_->store->counts());
}

Result<void> Client::pause(std::string queue) {
  return impl_->call(impl_->store->pause(std::move(queue)));
}

Result<void> Client::resume(std::string queue) {
  return impl_->call(impl_->store->resume(std::move(queue)));
}

}  // namespace rwp
