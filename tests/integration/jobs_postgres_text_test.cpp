// Texts that JSON can hold and PostgreSQL's jsonb cannot: they come from handlers, and must not
// keep a job from its end, nor others from theirs.

#include <set>
#include <support/postgres_fixture.hpp>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
using jobs::JobState;

class PostgresTextTest : public PostgresTest {
 protected:
  Result<JobState> finish(jobs::RunOutcome outcome) {
    auto claimed = wait(store_->claim(claim_of(1))).value();
    std::vector<jobs::Completion> one;
    one.push_back({.run = claimed.at(0).run, .outcome = std::move(outcome)});
    return wait(store_->finish(std::move(one))).value().at(0);
  }

  /// A job that is ready for its second run, after an error whose text holds a NUL.
  Uuid failed_once() {
    const Uuid id = wait(store_->insert({{.kind = "k"}})).value()[0]->id;
    const std::string text("before\0after", 12);
    EXPECT_TRUE(finish(jobs::Retry{Error(Errc::internal, text), 0ms}));
    return id;
  }

  std::shared_ptr<jobs::JobStore> store_ = open();
};

TEST_F(PostgresTextTest, AJobThatWasWokenEndsWhateverItsErrorsSay) {
  const Uuid id = failed_once();
  ASSERT_EQ(finish(jobs::Park{.key = "wake"}).value(), JobState::parked);
  ASSERT_TRUE(wait(store_->unpark({{.id = id, .key = "wake"}})).value()[0].has_value());

  EXPECT_EQ(finish(jobs::Succeed{}).value(), JobState::succeeded);

  EXPECT_EQ(wait(store_->get({id})).value()[0]->errors.size(), 1U);
}

TEST_F(PostgresTextTest, AParkThatLapsesHoldsUpNothingThatIsDue) {
  const Uuid id = failed_once();
  ASSERT_EQ(finish(jobs::Park{.key = "wake", .timeout = 1ms}).value(), JobState::parked);
  const Uuid later = wait(store_->insert({{.kind = "k", .delay = 1ms}})).value()[0]->id;

  std::set<Uuid> came;
  const auto deadline = std::chrono::steady_clock::now() + kGuard;
  while (came.size() < 2 && std::chrono::steady_clock::now() < deadline) {
    for (const auto& job : wait(store_->claim(claim_of(10))).value()) {
      came.insert(job.run.id);
      if (job.run.id != id) continue;
      ASSERT_TRUE(job.resume.has_value());
      EXPECT_EQ(job.resume->key, "wake");
    }
  }

  EXPECT_TRUE(came.contains(id));
  EXPECT_TRUE(came.contains(later));
}

}  // namespace
}  // namespace rwp::tests
