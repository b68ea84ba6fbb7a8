#pragma once

#include "ai_batch/batch_state.hpp"
#include "ai_batch/output_lines.hpp"
#include "ai_batch/row.hpp"
#include <rwp/ai/batch_api.hpp>
#include <rwp/ai/model.hpp>
#include <rwp/ai_batch/batch_handlers.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>
#include <rwp/jobs/job_context.hpp>
#include <rwp/jobs/job_store.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

namespace rwp::ai_batch {

/// What the handlers share.
struct BatchParts {
  std::shared_ptr<jobs::JobStore> store{};
  std::shared_ptr<ai::BatchApi> api{};
  BatchOptions options{};
};

/// One run of a batch's job: from where it stands to the next step that has to wait, or to be kept
/// before it goes on. Threads: the handlers runtime's. Lifetime: `context`'s.
class BatchRun {
 public:
  BatchRun(const BatchParts& parts, jobs::JobContext& context, BatchPlan plan)
      : parts_(parts),
        context_(context),
        plan_(std::move(plan)),
        id_(context.id().to_string()),
        state_(read_state(context.job().cursor)) {}

  boost::asio::awaitable<Result<JsonText>> go();

 private:
  template <class T>
  using Awaitable = boost::asio::awaitable<T>;

  /// A request that is in this batch for sure.
  struct Inside {
    Member member{};
    Row row{};
    std::string tenant{};
    /// Its own job was cancelled, when it may have been sent already: it is not asked again.
    bool is_cancelled = false;
  };
  /// An answer that has been paid for, should its job no longer wait for it.
  struct Paid {
    std::string custom_id{};
    std::string wait{};
    std::vector<std::string> accounts{};
    ai::ChatRequest request{};
  };

  /// What look_inside() has found.
  struct Contents {
    std::vector<Inside> inside{};
    /// Was cancelled, each.
    std::vector<Inside> cancelled{};
    /// Nothing is known of these any more: somebody has been forgotten.
    std::vector<Member> erased{};
    /// Some runs have not ended yet.
    bool undecided = false;
  };
  Awaitable<Result<Contents>> look_inside();
  Awaitable<Result<JsonText>> upload(std::vector<Inside> inside);
  Awaitable<Result<JsonText>> create();
  Awaitable<Result<JsonText>> create_now();
  Awaitable<Result<JsonText>> watch();
  /// Whether all batches that carry our id have ended, after the later ones were cancelled.
  Awaitable<Result<bool>> settle_doubles();
  /// What became of the requests.
  struct HandedOut {
    std::size_t answered = 0;
    std::size_t again = 0;
    std::size_t failed = 0;
    std::size_t bad_lines = 0;
  };

  Awaitable<Result<void>> read_files(ai::Batch batch, OutputLines* lines);
  /// Those of the doubles, too.
  Awaitable<Result<void>> read_all_files(ai::Batch batch, OutputLines* lines);
  Awaitable<Result<JsonText>> hand_out(ai::Batch batch);
  /// Those that have a line, and when there was room for all lines, those that have none.
  Awaitable<Result<void>> hand_out_some(Contents contents, const OutputLines* lines,
                                        std::string reason, HandedOut* sum);
  /// Answers which of them wait no longer.
  Awaitable<Result<std::vector<std::size_t>>> resume(std::vector<jobs::UnparkRequest> requests);
  static Paid paid_for(std::string custom_id, std::string tenant, Row* row);
  Paid paid_for_nobody(const Member& member) const;
  /// An error: to be done again.
  Awaitable<Result<void>> book(Paid paid, const OutputLines* lines);
  /// Keeps the state at once; refused to a run that is not the job's latest.
  Awaitable<Result<void>> keep();
  /// An earlier run has handed all out, or nobody waits: its files go all the same.
  Awaitable<Result<JsonText>> end_without_rows();
  /// Removes the files, the doubles', too.
  Awaitable<void> clean_up(ai::Batch batch);

  /// Keeps the state with the end of this run; the next begins after `delay`.
  Error later(std::chrono::milliseconds delay);
  /// The same after a failure that is nobody's fault here, or needs an operator.
  Error later(const Error& error);
  SteadyTime request_deadline() const;
  /// The store's time.
  jobs::TimePoint now() const;
  std::string filename() const { return "rwp-batch-" + id_ + ".jsonl"; }
  void count(const HandedOut& sum, bool completed) const;

  const BatchParts& parts_;
  jobs::JobContext& context_;
  const BatchPlan plan_;
  const std::string id_;
  const SteadyTime begun_ = std::chrono::steady_clock::now();
  BatchState state_;
  /// All requests have been cancelled or forgotten: what was paid is booked, and no more is asked.
  bool for_nobody_ = false;
};

}  // namespace rwp::ai_batch
