#include "ai_batch/booking.hpp"
#include "ai_batch/held_money.hpp"
#include "ai_batch/row.hpp"
#include <rwp/ai_batch/batch_handlers.hpp>
#include <rwp/ai_batch/batching_model.hpp>
#include <rwp/jobs/outbox_job.hpp>

#include <cassert>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rwp::ai_batch {
namespace {

using boost::asio::awaitable;

/// Beyond the wait itself, for the run that has its answer.
constexpr std::chrono::hours kSpare{1};

class BatchingModel final : public ai::Model {
 public:
  BatchingModel(std::shared_ptr<ai::Model> now, std::shared_ptr<const ai::BatchFormat> format,
                jobs::JobContext& context, BatchingOptions options)
      : now_(std::move(now)),
        format_(std::move(format)),
        context_(context),
        options_(std::move(options)) {
    assert(now_ && format_);
  }

  std::string default_model() const override { return format_->default_model(); }

 private:
  awaitable<Result<ai::ChatReply>> do_chat(ai::ChatRequest request) override {
    if (asked_) co_return co_await pass_chat(*now_, std::move(request));
    asked_ = true;
    if (request.model.empty()) request.model = format_->default_model();
    const auto& resume = context_.job().resume;
    if (resume && is_answer_of(resume->key, context_.job().attempt)) {
      // Without a value it has waited for as long as it may.
      auto delivery = resume->value ? read_delivery(*resume->value) : std::nullopt;
      if (!delivery) co_return co_await pass_chat(*now_, std::move(request));
      std::string wait = wait_name(context_.id(), resume->key);
      const auto runs = runs_since(resume->key, context_.run_token());
      auto booked = co_await book_answer(format_, options_.booking, std::move(wait),
                                         std::move(*delivery), std::move(request), runs > 1);
      // A run that is put off has the same answer again.
      if (booked.is_owed() && runs <= kMostBookings) {
        co_return context_.snooze(booking_wait(static_cast<int>(runs) - 1));
      }
      co_return std::move(booked.reply);
    }
    if (is_urgent()) co_return co_await pass_chat(*now_, std::move(request));
    const std::string key = wait_key(context_.job().run.token, context_.job().attempt);
    std::vector<std::string> accounts;
    if (options_.booking.budget) {
      HeldMoney money(*options_.booking.budget, wait_name(context_.id(), key));
      auto held = co_await money.hold(&request, options_.longest_wait + kSpare);
      if (!held) co_return held.error();
      accounts = std::move(*held);
    }
    co_return wait(std::move(request), key, std::move(accounts));
  }

  awaitable<Result<ai::ChatReply>> do_stream(ai::ChatRequest request,
                                             ai::OnDelta on_delta) override {
    return pass_stream(*now_, std::move(request), std::move(on_delta));
  }

  awaitable<Result<ai::EmbedReply>> do_embed(ai::EmbedRequest request) override {
    return pass_embed(*now_, std::move(request));
  }

  bool is_urgent() const {
    return options_.needed_by &&
           *options_.needed_by < std::chrono::system_clock::now() + options_.batch_takes;
  }

  /// Asks for the job to be parked, and its request to be made a job, as one unit.
  Error wait(ai::ChatRequest request, const std::string& key,
             std::vector<std::string> accounts) const {
    const auto& job = context_.job();
    Row row;
    row.job = job.run.id;
    row.key = key;
    row.accounts = std::move(accounts);
    row.model = request.model;
    row.kind = request.kind;
    row.body = format_->request_body(request);
    jobs::NewJob row_job;
    row_job.kind = kRowKind;
    row_job.queue = options_.queue;
    row_job.payload = row_json(row);
    row_job.priority = job.priority;
    row_job.max_attempts = 1'000;
    row_job.tenant = job.tenant;
    row_job.traceparent = job.traceparent;
    if (!request.subject.empty()) row_job.tags.push_back(jobs::subject_tag(request.subject));
    context_.submit(std::move(row_job));
    return context_.park(row.key, options_.longest_wait);
  }

  const std::shared_ptr<ai::Model> now_;
  const std::shared_ptr<const ai::BatchFormat> format_;
  jobs::JobContext& context_;
  const BatchingOptions options_;
  bool asked_ = false;
};

}  // namespace

std::shared_ptr<ai::Model> make_batching_model(std::shared_ptr<ai::Model> now,
                                               std::shared_ptr<const ai::BatchFormat> format,
                                               jobs::JobContext& context, BatchingOptions options) {
  return std::make_shared<BatchingModel>(std::move(now), std::move(format), context,
                                         std::move(options));
}

}  // namespace rwp::ai_batch
