#pragma once

#include "pods/ai_stack.hpp"
#include <rwp/ai/batch_api.hpp>
#include <rwp/ai/batch_format.hpp>
#include <rwp/ai/model.hpp>
#include <rwp/ai_batch/batching_model.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/jobs/job_context.hpp>
#include <rwp/jobs/job_store.hpp>
#include <rwp/jobs/worker.hpp>
#include <rwp/pods/configuration.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::pods {

/// The tag of a job whose AI calls may wait for a batch.
constexpr std::string_view kCanWaitTag = "ai:can-wait";
/// The same for one whose result is needed by a time: "ai:needed-by=2026-11-28T08:00:00Z".
constexpr std::string_view kNeededByTag = "ai:needed-by=";

/// Says that a job is able to wait.
struct WaitMark {
  /// Unset: whenever it comes.
  std::optional<std::chrono::system_clock::time_point> needed_by{};
};

/// None: no tag says so. `Errc::invalid_argument`: a time that is none.
Result<std::optional<WaitMark>> read_wait_mark(const std::vector<std::string>& tags);

/// What jobs need whose AI calls wait for batches (`ai_batch`). Of the handlers' runtime.
struct AiWaiting {
  std::shared_ptr<jobs::JobStore> store{};
  std::shared_ptr<const ai::BatchFormat> format{};
  std::shared_ptr<ai::BatchApi> api{};
  ai_batch::BatchingOptions options{};
  /// Personal data does not leave with a batch either.
  bool redact = false;
};

/// Null when the settings do not ask for it. `bare`: the model without its stack. `Errc::
/// invalid_argument`: it has no batches, or no name.
Result<std::shared_ptr<const AiWaiting>> open_ai_waiting(const Configuration& configuration,
                                                         const ai::Model& bare,
                                                         std::shared_ptr<jobs::JobStore> store,
                                                         const AiStackParts& around);

/// A worker that gathers the calls that wait, makes batches of them, and resumes their jobs. Not
/// started. Lifetime: as jobs::Worker.
std::unique_ptr<jobs::Worker> make_batch_worker(const Configuration& configuration,
                                                const AiWaiting& waiting, Runtime& handlers,
                                                const AiStackParts& around);

/// A model that lets the job of this run wait for a batch; `options`: those of `waiting`, and what
/// the job says.
std::shared_ptr<ai::Model> make_waiting_model(std::shared_ptr<ai::Model> model,
                                              const AiWaiting& waiting, jobs::JobContext& context,
                                              ai_batch::BatchingOptions options);

/// The model for one run of a job: `model`, or, when the job is marked able to wait, one that lets
/// it wait. `waiting` may be null; `context` outlives the model.
jobs::Awaitable<Result<std::shared_ptr<ai::Model>>> model_of_run(
    std::shared_ptr<ai::Model> model, std::shared_ptr<const AiWaiting> waiting,
    jobs::JobContext& context);

}  // namespace rwp::pods
