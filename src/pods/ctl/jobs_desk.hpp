#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/jobs/job_store.hpp>
#include <rwp/net/http_transport.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace rwp::pods::ctl {

/// Some jobs of a list, as JSON objects.
struct DeskPage {
  std::vector<JsonText> jobs{};
  std::string next_cursor{};
};

/// How a job that was waited for stands.
struct Standing {
  jobs::JobState state = jobs::JobState::ready;
  jobs::EndReason end_reason = jobs::EndReason::none;
};

/// Jobs and queues as an operator reaches them: in a store, or through an API pod, which answers
/// the same in the same form. Calls block. Threads: one at a time, not on an I/O thread.
class JobsDesk {
 public:
  virtual ~JobsDesk() = default;
  JobsDesk(const JobsDesk&) = delete;
  JobsDesk& operator=(const JobsDesk&) = delete;

  /// One answer a job. The outer Result fails when the other side as a whole did not answer.
  virtual jobs::PerItem<jobs::Inserted> submit(std::vector<jobs::NewJob> jobs) = 0;
  virtual Result<JsonText> show(const Uuid& id) = 0;
  virtual Result<DeskPage> list(const jobs::JobFilter& filter, const std::string& cursor,
                                std::size_t limit) = 0;
  /// "cancelled", "requested", "already_ended".
  virtual Result<std::string> cancel(const Uuid& id) = 0;
  virtual Result<std::size_t> cancel_where(const jobs::JobFilter& filter) = 0;
  /// The state it is in now.
  virtual Result<std::string> retry(const Uuid& id) = 0;
  virtual Result<std::size_t> retry_where(const jobs::JobFilter& filter) = 0;
  /// How these stand once all have ended, or at the deadline.
  virtual jobs::PerItem<Standing> wait(const std::vector<Uuid>& ids, SteadyTime deadline) = 0;
  virtual Result<std::vector<JsonText>> queues() = 0;
  virtual Result<void> set_paused(const std::string& queue, bool paused) = 0;

  /// Most ids that one wait() should be given.
  virtual std::size_t ids_per_wait() const = 0;
  /// Most bytes of payloads that one submit() may carry.
  virtual std::size_t bytes_per_submit() const = 0;
  /// Whether jobs of any tenant are seen, and can be submitted.
  virtual bool sees_tenants() const = 0;

 protected:
  JobsDesk() = default;
};

std::unique_ptr<JobsDesk> make_store_desk(std::shared_ptr<jobs::JobStore> store);

struct ApiDeskOptions {
  /// "http://HOST:PORT", with or without a slash at its end.
  std::string url{};
  /// Empty: none is sent.
  std::string key{};
  /// How long a server that is away, or has no time, is asked again; zero: once.
  std::chrono::milliseconds patience{0};
};
std::unique_ptr<JobsDesk> make_api_desk(Runtime& runtime,
                                        std::shared_ptr<net::HttpTransport> transport,
                                        ApiDeskOptions options);

}  // namespace rwp::pods::ctl
