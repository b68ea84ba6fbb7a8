#include "pods/forgotten.hpp"
#include "support/run.hpp"
#include <rwp/core/runtime.hpp>
#include <rwp/storage_memory/memory_object_store.hpp>

#include <gtest/gtest.h>

namespace rwp::tests {
namespace {

using pods::candidate_in;
using pods::Forgotten;
using pods::subject_of;

class ForgottenTest : public ::testing::Test {
 protected:
  Runtime runtime_;
  std::shared_ptr<storage::ObjectStore> objects_ = storage::make_memory_object_store();
  Forgotten forgotten_{objects_};
};

TEST_F(ForgottenTest, CandidateIsHeldForTheTenantAlone) {
  ASSERT_TRUE(run(runtime_, forgotten_.add("acme", "cv-1")).has_value());

  EXPECT_TRUE(run(runtime_, forgotten_.holds("acme", "cv-1")).value());
  EXPECT_FALSE(run(runtime_, forgotten_.holds("acme", "cv-2")).value());
  EXPECT_FALSE(run(runtime_, forgotten_.holds("other", "cv-1")).value());
  EXPECT_FALSE(run(runtime_, forgotten_.holds("acme", "")).value());
}

TEST_F(ForgottenTest, AddingAgainKeepsTheFirstTime) {
  ASSERT_TRUE(run(runtime_, forgotten_.add("", "cv-1")).has_value());
  const std::string key = "forgotten/" + subject_of("", "cv-1") + ".json";
  const auto first = run(runtime_, objects_->get(key)).value();

  ASSERT_TRUE(run(runtime_, forgotten_.add("", "cv-1")).has_value());

  EXPECT_EQ(run(runtime_, objects_->get(key)).value(), first);
}

TEST_F(ForgottenTest, ListNamesNobody) {
  ASSERT_TRUE(run(runtime_, forgotten_.add("acme", "jane-doe")).has_value());

  const auto page = run(runtime_, objects_->list()).value();

  ASSERT_EQ(page.entries.size(), 1U);
  EXPECT_EQ(page.entries[0].key.find("jane"), std::string::npos);
  EXPECT_EQ(run(runtime_, objects_->get(page.entries[0].key)).value().find("jane"),
            std::string::npos);
}

TEST_F(ForgottenTest, ManyAreAnsweredAsFewAre) {
  ASSERT_TRUE(run(runtime_, forgotten_.add("acme", "7")).has_value());
  std::vector<std::string> ids;
  for (int i = 0; i < 40; ++i) ids.push_back(std::to_string(i));
  ids.emplace_back();

  const auto many = run(runtime_, forgotten_.which("acme", ids)).value();
  const auto few = run(runtime_, forgotten_.which("acme", {"6", "7", ""})).value();

  ASSERT_EQ(many.size(), ids.size());
  for (std::size_t i = 0; i < many.size(); ++i) EXPECT_EQ(many[i], i == 7) << i;
  EXPECT_EQ(few, (std::vector<bool>{false, true, false}));
}

TEST_F(ForgottenTest, CandidateWhoIsTakenOffTheListMayComeBack) {
  ASSERT_TRUE(run(runtime_, forgotten_.add("acme", "cv-1")).has_value());
  ASSERT_TRUE(run(runtime_, forgotten_.remove("acme", "cv-1")).has_value());

  EXPECT_FALSE(run(runtime_, forgotten_.holds("acme", "cv-1")).value());
}

TEST(CandidateInTest, PayloadSaysWhomAJobIsAbout) {
  const auto in = [](const char* kind, const char* payload) {
    return candidate_in(kind, JsonText::parse(payload).value());
  };

  EXPECT_EQ(in("candidate.parse", R"({"id":"cv-1","text":"x"})"), "cv-1");
  EXPECT_EQ(in("match.score", R"({"candidate_id":"cv-1","ad_id":"a"})"), "cv-1");
  EXPECT_EQ(in("match.score", R"({"candidate":{"candidate_id":"cv-2"},"ad_id":"a"})"), "cv-2");
  EXPECT_EQ(in("job_ad.enrich", R"({"id":"ad-1"})"), "");
  EXPECT_EQ(in("candidate.parse", R"({"id":7})"), "");
  EXPECT_EQ(in("candidate.parse", "[]"), "");
}

}  // namespace
}  // namespace rwp::tests
