#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/core/uuid.hpp>
#include <rwp/jobs/requests.hpp>
#include <rwp/jobs/typed.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rwp {

class Runtime;
class SchemeRegistry;

namespace jobs {
class JobStore;
}

/// The blocking way to jobs, for programs without coroutines: submit, look, wait, steer.
///
/// Threads: safe to share; calls from several threads share transactions. Each call blocks its
/// thread, for at most the client's call timeout unless it says otherwise; after a time-out the
/// outcome is unknown
/// (`Errc::deadline_exceeded`), and repeating the call with the same ids is safe.
/// Lifetime: destruction waits for calls in flight.
class Client {
 public:
  /// Opens a store by URL on a runtime of its own.
  static Result<Client> open(std::string_view url, const SchemeRegistry& schemes);
  /// On a store that is open already. It must not be called from the store's I/O thread.
  explicit Client(std::shared_ptr<jobs::JobStore> store);
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// Longest that a call blocks; default 30 s.
  void set_call_timeout(std::chrono::milliseconds timeout);

  /// Answers the job's id once it is durable: its own, or that of the job that stands (see
  /// UniqueRule).
  Result<jobs::Inserted> submit(jobs::NewJob job);
  template <jobs::JobArguments T>
  Result<jobs::Inserted> submit(const T& arguments) {
    return submit(jobs::to_new_job(arguments));
  }
  /// One answer a job, in their order; one bad job fails alone.
  Result<std::vector<Result<jobs::Inserted>>> submit_many(std::vector<jobs::NewJob> jobs);

  Result<jobs::Job> get(Uuid id);
  /// The job's end. `Errc::deadline_exceeded`: it has not ended within `timeout`.
  Result<jobs::Job> wait(Uuid id, std::chrono::milliseconds timeout);
  /// All of them, as they are when all have ended or `timeout` has passed.
  Result<std::vector<Result<jobs::Job>>> wait_all(std::vector<Uuid> ids,
                                                  std::chrono::milliseconds timeout);
  /// The result of a job that succeeded, as `T`; an Error with the job's last error when it failed.
  template <class T>
  Result<T> result(Uuid id, std::chrono::milliseconds timeout) {
    auto text = result_text(id, timeout);
    if (!text) return text.error();
    return decode<T>(*text);
  }
  Result<JsonText> result_text(Uuid id, std::chrono::milliseconds timeout);

  Result<jobs::CancelOutcome> cancel(Uuid id);
  Result<std::size_t> cancel_where(jobs::JobFilter filter);
  Result<jobs::JobState> retry(Uuid id);
  Result<std::size_t> retry_where(jobs::JobFilter filter);
  Result<jobs::JobState> set_priority(Uuid id, jobs::Priority priority);
  Result<jobs::JobState> unpark(Uuid id, std::string key, JsonText value);
  Result<jobs::JobPage> list(jobs::JobFilter filter, std::string cursor = std::string(),
                             std::size_t limit = 100);
  Result<std::vector<jobs::QueueCounts>> counts();
  Result<void> pause(std::string queue);
  Result<void> resume(std::string queue);

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace rwp
