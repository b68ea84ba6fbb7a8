#pragma once

#include "support/run.hpp"
#include <rwp/ai/model.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/core/usage_ledger.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rwp::tests {

inline boost::asio::awaitable<Result<bool>> poll(std::function<bool()> holds) {
  const auto until = std::chrono::steady_clock::now() + kGuard - std::chrono::seconds(1);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) co_return false;
    (void)co_await sleep_for(std::chrono::milliseconds(1));
  }
  co_return true;
}

/// Whether it comes to hold; asked on the runtime's I/O thread.
inline bool eventually(Runtime& runtime, std::function<bool()> holds) {
  return run(runtime, poll(std::move(holds))).value();
}

inline boost::asio::awaitable<Result<bool>> once(std::function<void()> work) {
  work();
  co_return true;
}

/// Does something on the runtime's I/O thread, and waits for it.
inline void on_io(Runtime& runtime, std::function<void()> work) {
  ASSERT_TRUE(run(runtime, once(std::move(work))).has_value());
}

/// A call that was started; all of it is used on the I/O thread, or after it has ended.
struct StartedCall {
  std::string streamed{};
  std::optional<Result<ai::ChatReply>> end{};
  Task task{};
};

inline boost::asio::awaitable<void> run_call(std::shared_ptr<ai::Model> model,
                                             ai::ChatRequest request,
                                             std::shared_ptr<StartedCall> call, bool streamed) {
  if (!streamed) {
    auto reply = co_await model->chat(std::move(request));
    call->end = std::move(reply);
    co_return;
  }
  ai::OnDelta keep = [call](std::string_view piece) {
    call->streamed += piece;
    return true;
  };
  auto reply = co_await model->stream(std::move(request), std::move(keep));
  call->end = std::move(reply);
}

inline std::shared_ptr<StartedCall> start(Runtime& runtime, std::shared_ptr<ai::Model> model,
                                          ai::ChatRequest request, bool streamed = false) {
  auto call = std::make_shared<StartedCall>();
  auto operation = run_call(std::move(model), std::move(request), call, streamed);
  auto done = [call](const std::exception_ptr& thrown) {
    if (thrown) call->end = detail::from_exception(thrown);
  };
  call->task = Task(runtime.executor(), std::move(operation), std::move(done));
  return call;
}

inline ai::ChatRequest chat_request(std::string text, std::string tenant = std::string()) {
  ai::ChatRequest request;
  request.messages.push_back({ai::Role::user, std::move(text)});
  request.tenant = std::move(tenant);
  return request;
}

/// Answers once it is let go; a stream hands out "half " first. Used on the I/O thread.
class GatedModel final : public ai::Model {
 public:
  std::string default_model() const override { return "gated"; }

  int begun = 0;
  int active = 0;
  int dropped = 0;
  std::vector<std::string> asked{};
  Result<std::string> answer{std::string("half whole")};
  ai::TokenUsage usage{};

  /// Lets so many calls go, in the order in which they began.
  void let_go(int calls) {
    allowed_ += calls;
    gate_.notify_all();
  }

 private:
  class Active {
   public:
    explicit Active(GatedModel& model) : model_(model) {
      ++model_.begun;
      ++model_.active;
    }
    ~Active() {
      --model_.active;
      if (!ended) ++model_.dropped;
    }
    Active(const Active&) = delete;
    Active& operator=(const Active&) = delete;
    bool ended = false;

   private:
    GatedModel& model_;
  };

  boost::asio::awaitable<Result<ai::ChatReply>> do_chat(ai::ChatRequest request) override {
    return answered(std::move(request), ai::OnDelta());
  }
  boost::asio::awaitable<Result<ai::ChatReply>> do_stream(ai::ChatRequest request,
                                                          ai::OnDelta on_delta) override {
    return answered(std::move(request), std::move(on_delta));
  }
  boost::asio::awaitable<Result<ai::EmbedReply>> do_embed(ai::EmbedRequest) override {
    co_return Error(Errc::unsupported, "no vectors here");
  }

  boost::asio::awaitable<Result<ai::ChatReply>> answered(ai::ChatRequest request,
                                                         ai::OnDelta on_delta) {
    Active active_call(*this);
    const int turn = begun;
    asked.push_back(request.tenant + ":" + request.messages.back().content);
    if (on_delta && !on_delta("half ")) co_return Error(Errc::cancelled, "unread");
    while (allowed_ < turn) {
      if (co_await gate_.wait_until(SteadyTime::max()) == Wake::cancelled) {
        co_return Error(Errc::cancelled, "cancelled at the gate");
      }
    }
    active_call.ended = true;
    if (!answer) co_return answer.error();
    if (on_delta && !on_delta(answer->substr(5))) co_return Error(Errc::cancelled, "unread");
    ai::ChatReply reply;
    reply.content = *answer;
    reply.model = "gated";
    reply.usage = usage;
    co_return reply;
  }

  int allowed_ = 0;
  Signal gate_;
};

/// Reserves and settles as a store does, in memory.
class MemoryLedger final : public UsageLedger {
 public:
  struct Account {
    std::map<Uuid, Money> reserved{};
    std::map<Uuid, Money> settled{};
  };
  std::map<std::string, Account> accounts{};
  std::vector<UsageEntry> entries{};
  bool away = false;

  std::size_t open_reservations() const {
    std::size_t open = 0;
    for (const auto& [name, account] : accounts) open += account.reserved.size();
    return open;
  }
  std::int64_t settled_micro_usd() const {
    std::int64_t sum = 0;
    for (const auto& [name, account] : accounts) {
      for (const auto& [id, spent] : account.settled) sum += spent.micro_usd;
    }
    return sum;
  }

  boost::asio::awaitable<Result<void>> reserve(UsageReservation wanted) override {
    // As a store on another thread: others run meanwhile.
    (void)co_await sleep_for(std::chrono::microseconds(100));
    if (away) co_return Error(Errc::unavailable, "the ledger is away");
    Account& account = accounts[wanted.account];
    if (account.settled.contains(wanted.id)) co_return Result<void>();
    if (balance_of(account) + wanted.amount.micro_usd > wanted.limit.micro_usd) {
      co_return Error(Errc::budget_exceeded, "spent");
    }
    account.reserved[wanted.id] = wanted.amount;
    co_return Result<void>();
  }
  boost::asio::awaitable<Result<void>> settle(Uuid id, std::string name, Money spent) override {
    (void)co_await sleep_for(std::chrono::microseconds(100));
    if (away) co_return Error(Errc::unavailable, "the ledger is away");
    Account& account = accounts[name];
    account.reserved.erase(id);
    account.settled.emplace(id, spent);
    co_return Result<void>();
  }
  boost::asio::awaitable<Result<Money>> balance(std::string name) override {
    co_return Money{balance_of(accounts[name])};
  }
  boost::asio::awaitable<Result<void>> record(std::vector<UsageEntry> more) override {
    for (auto& entry : more) entries.push_back(std::move(entry));
    co_return Result<void>();
  }
  boost::asio::awaitable<Result<UsageSum>> sum(UsageFilter) override { co_return UsageSum(); }

 private:
  static std::int64_t balance_of(const Account& account) {
    std::int64_t sum = 0;
    for (const auto& [id, amount] : account.reserved) sum += amount.micro_usd;
    for (const auto& [id, amount] : account.settled) sum += amount.micro_usd;
    return sum;
  }
};

}  // namespace rwp::tests
