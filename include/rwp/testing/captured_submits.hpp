#pragma once

#include <rwp/jobs/job_context.hpp>
#include <rwp/jobs/requests.hpp>
#include <rwp/jobs/typed.hpp>
#include <rwp/jobs/typed_handler.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rwp::testing {

/// A JobContext without a store: runs one handler alone and keeps what it asks for.
///
///     testing::CapturedSubmits context(EnrichAd{.title = "Welder"});
///     auto result = context.run(handler);          // or call a blocking one with it
///     EXPECT_TRUE(result.has_value());
///     EXPECT_EQ(context.submitted().at(0).kind, "ad.publish");
///
/// Threads: safe to share, as any JobContext; answers are copies.
class CapturedSubmits final : public jobs::JobContext {
 public:
  /// A job as a worker would have claimed it; members may be set at will.
  explicit CapturedSubmits(jobs::ClaimedJob job);
  explicit CapturedSubmits(JsonText payload);
  template <jobs::JobArguments T>
  explicit CapturedSubmits(const T& arguments) : CapturedSubmits(claimed(arguments)) {}
  ~CapturedSubmits() override;

  /// Runs the handler to its end in the calling thread. What it throws comes as an Error, as with
  /// a worker.
  Result<JsonText> run(const jobs::CoroutineHandler& handler);
  Result<JsonText> run(const jobs::BlockingHandler& handler);
  /// What a worker would make of that end, with a retry after the whole backoff.
  jobs::RunOutcome outcome(Result<JsonText> result) const;

  /// Tells the handler to stop.
  void request_stop(jobs::StopReason reason);
  void set_deadline(std::chrono::steady_clock::time_point deadline);

  std::vector<jobs::NewJob> submitted() const;
  std::vector<OutboxMessage> emitted() const;
  /// The last that was reported; unset: none was.
  std::optional<double> fraction() const;
  std::string note() const;
  std::optional<JsonText> cursor() const;
  /// What snooze(), park(), hand_back() or crash() asked for last.
  std::optional<jobs::RunOutcome> asked() const;

  const jobs::ClaimedJob& job() const override;
  std::chrono::steady_clock::time_point deadline() const override;
  jobs::StopReason stop_reason() const override;
  void progress(double fraction, std::string note = std::string()) override;
  void save_cursor(JsonText cursor) override;
  using JobContext::submit;
  Uuid submit(jobs::NewJob job) override;
  void emit(OutboxMessage message) override;
  Error snooze(std::chrono::milliseconds delay) override;
  Error park(std::string key, std::chrono::milliseconds timeout) override;
  Error hand_back() override;
  Error crash(Error error) override;
  const observability::Logger& log() const override;
  const observability::TraceContext& trace() const override;

 private:
  template <jobs::JobArguments T>
  static jobs::ClaimedJob claimed(const T& arguments) {
    jobs::NewJob job = jobs::to_new_job(arguments);
    jobs::ClaimedJob made;
    made.kind = std::move(job.kind);
    made.version = job.version;
    made.payload = std::move(job.payload);
    return made;
  }

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rwp::testing
