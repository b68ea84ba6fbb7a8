#include "support/jobadder_fixture.hpp"

#include <atomic>
#include <functional>
#include <future>
#include <vector>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
using jobadder::Access;
using jobadder::StateCell;

class JobAdderTokensTest : public JobAdderFixture {
 protected:
  using Ended = std::future<Result<Access>>;

  /// Asks on its own, so that several ask at once.
  Ended ask(std::shared_ptr<jobadder::TokenKeeper> keeper, std::uint64_t refused) {
    auto promise = std::make_shared<std::promise<Result<Access>>>();
    auto future = promise->get_future();
    auto operation =
        [](std::shared_ptr<jobadder::TokenKeeper> from, std::uint64_t not_this,
           std::shared_ptr<std::promise<Result<Access>>> to) -> boost::asio::awaitable<void> {
      auto access = co_await from->renew(not_this, soon());
      to->set_value(std::move(access));
    };
    spawn(runtime_.executor(), operation(std::move(keeper), refused, promise));
    return future;
  }
  static Result<Access> end_of(Ended& ended) {
    if (ended.wait_for(kGuard) != std::future_status::ready) {
      return Error(Errc::internal, "the ask did not end");
    }
    return ended.get();
  }
};

TEST_F(JobAdderTokensTest, NobodyHasSignedIn) {
  start();
  const auto keeper = make_keeper();

  const auto access = run(runtime_, keeper->access(soon()));

  EXPECT_EQ(access.error().code(), Errc::unauthenticated);
  EXPECT_EQ(run(runtime_, keeper->status()).error().code(), Errc::not_found);
}

TEST_F(JobAdderTokensTest, CodeIsGoodOnce) {
  start();
  const auto code = fake_->new_code();
  const auto once = [&] {
    return run(runtime_,
               jobadder::exchange_code(transport_, oauth(), code, "http://127.0.0.1/cb", soon()));
  };

  const auto tokens = once();

  ASSERT_TRUE(tokens) << tokens.error().to_string();
  EXPECT_EQ(tokens->api_url, fake_->base_url() + "/v2");
  EXPECT_EQ(tokens->account, "4242");
  const auto again = once();
  EXPECT_EQ(again.error().code(), Errc::unauthenticated);
  EXPECT_EQ(again.error().message().find(code.expose()), std::string::npos);
}

TEST_F(JobAdderTokensTest, TokensLieEnciphered) {
  start();
  const auto keeper = make_keeper();
  auto tokens = exchange().value();
  const std::string access = tokens.access.expose();
  const std::string refresh = tokens.refresh.expose();

  ASSERT_TRUE(run(runtime_, keeper->keep(std::move(tokens))));

  const auto cell = run(runtime_, state_->get("jobadder/connection")).value();
  EXPECT_EQ(cell.text.find(access), std::string::npos);
  EXPECT_EQ(cell.text.find(refresh), std::string::npos);
  auto other = keeper_options();
  other.oauth.client_secret = Secret("another");
  const auto stranger = std::make_shared<jobadder::TokenKeeper>(runtime_, other);
  EXPECT_EQ(run(runtime_, stranger->access(soon())).error().code(), Errc::unauthenticated);
}

TEST_F(JobAdderTokensTest, OfManyProcessesOneRefreshes) {
  options_.token_delay = 50ms;
  start();
  std::vector<std::shared_ptr<jobadder::TokenKeeper>> keepers;
  keepers.reserve(5);
  for (int i = 0; i < 5; ++i) keepers.push_back(make_keeper());
  sign_in(keepers.front());
  const auto first = run(runtime_, keepers.front()->access(soon())).value();

  std::vector<Ended> asked;
  asked.reserve(2 * keepers.size());
  for (const auto& keeper : keepers) {
    asked.push_back(ask(keeper, first.generation));
    asked.push_back(ask(keeper, first.generation));
  }

  std::string token;
  for (auto& ended : asked) {
    const auto access = end_of(ended);
    ASSERT_TRUE(access) << access.error().to_string();
    if (token.empty()) token = access->token.expose();
    EXPECT_EQ(access->token.expose(), token);
    EXPECT_EQ(access->generation, first.generation + 1);
  }
  EXPECT_EQ(fake_->counts().exchanges, 2U);
  EXPECT_EQ(fake_->counts().refused_refreshes, 0U);
}

TEST_F(JobAdderTokensTest, LeaseOfADeadProcessIsWaitedFor) {
  start();
  const auto keeper = make_keeper();
  sign_in(keeper);
  // What a process leaves behind that died before its exchange.
  auto cell = run(runtime_, state_->get("jobadder/connection")).value();
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
      (std::chrono::system_clock::now() + 600ms).time_since_epoch());
  const auto put = [&cell](const std::string& from, const std::string& to) {
    const auto at = cell.text.find(from);
    ASSERT_NE(at, std::string::npos);
    cell.text.replace(at, from.size(), to);
  };
  put(R"("lease_holder":"")", R"("lease_holder":"a dead one")");
  put(R"("lease_until_ms":0)", R"("lease_until_ms":)" + std::to_string(now.count()));
  ASSERT_TRUE(run(runtime_, state_->put("jobadder/connection", cell.text, cell.version)));

  const auto access = run(runtime_, keeper->renew(1, soon()));

  ASSERT_TRUE(access) << access.error().to_string();
  EXPECT_EQ(access->generation, 2U);
  EXPECT_GE(std::chrono::system_clock::now().time_since_epoch(), now);
}

TEST_F(JobAdderTokensTest, TokenThatWasUsedUpMeansToSignInAgain) {
  start();
  const auto keeper = make_keeper();
  sign_in(keeper);
  const auto before = run(runtime_, state_->get("jobadder/connection")).value();
  ASSERT_TRUE(run(runtime_, keeper->renew(1, soon())));
  // As if the process had died after the exchange and before the write.
  const auto after = run(runtime_, state_->get("jobadder/connection")).value();
  ASSERT_TRUE(run(runtime_, state_->put("jobadder/connection", before.text, after.version)));
  const auto other = make_keeper();

  const auto refused = run(runtime_, other->renew(1, soon()));

  EXPECT_EQ(refused.error().code(), Errc::unauthenticated);
  EXPECT_FALSE(run(runtime_, other->status())->broken.empty());
  sign_in(other);
  const auto healed = run(runtime_, make_keeper()->access(soon()));
  EXPECT_TRUE(healed) << healed.error().to_string();
  EXPECT_TRUE(run(runtime_, other->status())->broken.empty());
}

/// A store that does something of its own before one of its writes.
class MeddledStore final : public jobadder::StateStore {
 public:
  using Meddle = std::function<boost::asio::awaitable<Result<void>>()>;
  explicit MeddledStore(std::shared_ptr<jobadder::StateStore> inner) : inner_(std::move(inner)) {}
  void before_put(int number, Meddle meddle) {
    number_ = number;
    meddle_ = std::move(meddle);
  }
  boost::asio::awaitable<Result<StateCell>> get(std::string name) override {
    return inner_->get(std::move(name));
  }
  boost::asio::awaitable<Result<std::string>> put(std::string name, std::string text,
                                                  std::string version) override {
    if (--number_ == 0) {
      auto done = co_await meddle_();
      if (!done) co_return done.error();
    }
    auto written = co_await inner_->put(std::move(name), std::move(text), std::move(version));
    co_return written;
  }

 private:
  std::shared_ptr<jobadder::StateStore> inner_;
  int number_ = 0;
  Meddle meddle_;
};

TEST_F(JobAdderTokensTest, WhoWasTooSlowStillWritesWhatHeGot) {
  start();
  sign_in(make_keeper());
  const auto meddled = std::make_shared<MeddledStore>(state_);
  auto options = keeper_options();
  options.state = meddled;
  const auto slow = std::make_shared<jobadder::TokenKeeper>(runtime_, options);
  // After its exchange another takes the lease for lapsed, tries the old token, and is refused.
  auto late = keeper_options();
  late.now = [] { return std::chrono::system_clock::now() + 60s; };
  const auto other = std::make_shared<jobadder::TokenKeeper>(runtime_, late);
  meddled->before_put(2, [other]() -> boost::asio::awaitable<Result<void>> {
    auto operation =
        [](std::shared_ptr<jobadder::TokenKeeper> keeper) -> boost::asio::awaitable<Result<void>> {
      auto refused = co_await keeper->renew(1, soon());
      EXPECT_EQ(refused.error().code(), Errc::unauthenticated);
      co_return Result<void>();
    };
    return operation(other);
  });

  const auto access = run(runtime_, slow->renew(1, soon()));

  ASSERT_TRUE(access) << access.error().to_string();
  EXPECT_EQ(access->generation, 2U);
  EXPECT_EQ(fake_->counts().refused_refreshes, 1U);
  const auto healed = run(runtime_, make_keeper()->renew(1, soon()));
  ASSERT_TRUE(healed) << healed.error().to_string();
  EXPECT_EQ(healed->token.expose(), access->token.expose());
}

TEST_F(JobAdderTokensTest, RefreshGoesOnWhenItsCallerGivesUp) {
  options_.token_delay = 100ms;
  start();
  const auto keeper = make_keeper();
  sign_in(keeper);

  const auto late = run(runtime_, keeper->renew(1, std::chrono::steady_clock::now() + 1ms));

  EXPECT_EQ(late.error().code(), Errc::deadline_exceeded);
  const auto access = run(runtime_, keeper->renew(1, soon()));
  ASSERT_TRUE(access) << access.error().to_string();
  EXPECT_EQ(fake_->counts().exchanges, 2U);
}

TEST_F(JobAdderTokensTest, TokenIsRenewedBeforeItsEnd) {
  start();
  const auto meddled = std::make_shared<MeddledStore>(state_);
  auto options = keeper_options();
  options.state = meddled;
  auto ahead = std::make_shared<std::chrono::seconds>(0);
  options.now = [ahead] { return std::chrono::system_clock::now() + *ahead; };
  const auto keeper = std::make_shared<jobadder::TokenKeeper>(runtime_, options);
  sign_in(keeper);
  *ahead = 3'000s;
  // No new one comes before the first has been answered, however quick JobAdder is.
  const auto may_go_on = std::make_shared<std::atomic<bool>>(false);
  meddled->before_put(1, [may_go_on]() -> boost::asio::awaitable<Result<void>> {
    auto operation =
        [](std::shared_ptr<std::atomic<bool>> told) -> boost::asio::awaitable<Result<void>> {
      while (!told->load()) {
        auto slept = co_await sleep_for(1ms);
        if (!slept) co_return slept.error();
      }
      co_return Result<void>();
    };
    return operation(may_go_on);
  });

  // The old one is good, and is answered at once; the new one comes in its own time.
  const auto now = run(runtime_, keeper->access(soon()));
  may_go_on->store(true);
  const auto then = run(runtime_, keeper->renew(1, soon()));

  ASSERT_TRUE(now && then);
  EXPECT_EQ(now->generation, 1U);
  EXPECT_EQ(then->generation, 2U);
}

}  // namespace
}  // namespace rwp::tests
