#include "ai_batch/booking.hpp"

#include "ai_batch/held_money.hpp"

#include <utility>

namespace rwp::ai_batch {
namespace {

using boost::asio::awaitable;

/// Gives the one answer that it was made with.
class AnsweredModel final : public ai::Model {
 public:
  explicit AnsweredModel(Result<ai::ChatReply> reply) : reply_(std::move(reply)) {}
  std::string default_model() const override { return reply_ ? reply_->model : std::string(); }

 private:
  awaitable<Result<ai::ChatReply>> do_chat(ai::ChatRequest) override { co_return reply_; }
  awaitable<Result<ai::ChatReply>> do_stream(ai::ChatRequest, ai::OnDelta) override {
    co_return reply_;
  }
  awaitable<Result<ai::EmbedReply>> do_embed(ai::EmbedRequest) override {
    co_return Error(Errc::unsupported, "a batch's answer has no vectors");
  }

  const Result<ai::ChatReply> reply_;
};

Result<ai::ChatReply> read_reply(const ai::BatchFormat& format, const Delivery& delivery) {
  if (delivery.status == 0) {
    return Error(Errc::unavailable, "its batch brought no answer: " + delivery.error)
        .with_retryable(true);
  }
  auto reply = format.read_answer(delivery.status, delivery.body);
  if (reply) reply->service_tier = "batch";
  return reply;
}

Money cost_of(const Result<ai::ChatReply>& reply, const ai::BudgetOptions& budget) {
  if (!reply) return {};
  return budget.prices.price(reply->model, reply->usage, reply->service_tier, budget.now()).cost;
}

}  // namespace

std::string wait_name(const Uuid& job, const std::string& key) {
  return job.to_string() + "\n" + key;
}

awaitable<Result<ai::ChatReply>> book_answer(std::shared_ptr<const ai::BatchFormat> format,
                                             BookingOptions options, std::string wait,
                                             Delivery delivery, ai::ChatRequest request) {
  auto reply = read_reply(*format, delivery);
  if (options.budget) {
    HeldMoney money(*options.budget, wait);
    co_await money.settle(std::move(delivery.accounts), cost_of(reply, *options.budget));
  }
  if (!options.meter) co_return reply;
  const auto answered = std::make_shared<AnsweredModel>(std::move(reply));
  options.meter->entry_id = named_id(wait);
  const auto metered = ai::make_metered(answered, std::move(*options.meter));
  co_return co_await metered->chat(std::move(request));
}

}  // namespace rwp::ai_batch
