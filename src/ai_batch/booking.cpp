#include "ai_batch/booking.hpp"

#include "ai_batch/held_money.hpp"

#include <algorithm>
#include <utility>
#include <vector>

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

/// Tells how the last booking ended: a meter hands the answer on all the same.
class WatchedLedger final : public UsageLedger {
 public:
  explicit WatchedLedger(std::shared_ptr<UsageLedger> inner) : inner_(std::move(inner)) {}

  const Result<void>& recorded() const noexcept { return recorded_; }

  awaitable<Result<void>> record(std::vector<UsageEntry> entries) override {
    recorded_ = co_await inner_->record(std::move(entries));
    co_return recorded_;
  }
  awaitable<Result<void>> reserve(UsageReservation reservation) override {
    return inner_->reserve(std::move(reservation));
  }
  awaitable<Result<void>> settle(Uuid reservation, std::string account, Money spent) override {
    return inner_->settle(reservation, std::move(account), spent);
  }
  awaitable<Result<Money>> balance(std::string account) override {
    return inner_->balance(std::move(account));
  }
  awaitable<Result<UsageSum>> sum(UsageFilter filter) override {
    return inner_->sum(std::move(filter));
  }

 private:
  const std::shared_ptr<UsageLedger> inner_;
  Result<void> recorded_{};
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

std::chrono::milliseconds booking_wait(int times) {
  constexpr std::chrono::milliseconds kFirst{250};
  constexpr std::chrono::milliseconds kLongest{60'000};
  constexpr int kDoublings = 8;
  return std::min(kFirst * (1 << std::clamp(times, 0, kDoublings)), kLongest);
}

bool Booked::is_owed() const {
  if (in_ledger) return false;
  const Error error = in_ledger.error();
  return error.retryable() || error.code() == Errc::unavailable ||
         error.code() == Errc::deadline_exceeded;
}

awaitable<Booked> book_answer(std::shared_ptr<const ai::BatchFormat> format, BookingOptions options,
                              std::string wait, Delivery delivery, ai::ChatRequest request,
                              bool is_again) {
  Booked booked;
  booked.reply = read_reply(*format, delivery);
  if (options.budget) {
    HeldMoney money(*options.budget, wait);
    const Money cost = cost_of(booked.reply, *options.budget);
    booked.in_ledger = co_await money.settle(std::move(delivery.accounts), cost);
  }
  if (!options.meter) co_return booked;
  std::shared_ptr<WatchedLedger> ledger;
  if (options.meter->ledger) {
    ledger = std::make_shared<WatchedLedger>(std::move(options.meter->ledger));
    options.meter->ledger = ledger;
  }
  if (is_again) {
    options.meter->metrics.reset();
    options.meter->spans.reset();
  }
  const auto answered = std::make_shared<AnsweredModel>(std::move(booked.reply));
  options.meter->entry_id = named_id(wait);
  const auto metered = ai::make_metered(answered, std::move(*options.meter));
  booked.reply = co_await metered->chat(std::move(request));
  if (ledger && !ledger->recorded()) booked.in_ledger = ledger->recorded();
  co_return booked;
}

}  // namespace rwp::ai_batch
