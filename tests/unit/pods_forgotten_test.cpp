#include "pods/forgotten.hpp"
#include "support/run.hpp"
#include <rwp/core/runtime.hpp>
#include <rwp/storage/object_versions.hpp>
#include <rwp/storage_memory/memory_object_store.hpp>

#include <gtest/gtest.h>

#include <utility>

namespace rwp::tests {
namespace {

using pods::candidate_in;
using pods::Forgotten;
using pods::subject_of;

using boost::asio::awaitable;

/// Keeps versions of what is in another store, and may not let these be removed.
class VersionedStore final : public storage::ObjectStore, public storage::ObjectVersions {
 public:
  explicit VersionedStore(std::shared_ptr<storage::ObjectStore> inner) : inner_(std::move(inner)) {}

  bool may_purge = true;
  int purges = 0;
  int removals = 0;

  awaitable<Result<storage::ListPage>> list_versions(storage::ListOptions options) override {
    return inner_->list(std::move(options));
  }
  awaitable<Result<std::size_t>> purge(std::string key) override {
    if (!may_purge) co_return Error(Errc::permission_denied, "versions are not yours to remove");
    ++purges;
    const auto removed = co_await inner_->remove(std::move(key));
    if (!removed) co_return removed.error();
    co_return std::size_t{1};
  }

 private:
  awaitable<Result<storage::ObjectInfo>> do_put(std::string key, std::string content,
                                                storage::PutOptions options) override {
    return inner_->put(std::move(key), std::move(content), std::move(options));
  }
  awaitable<Result<std::string>> do_get(std::string key, storage::ByteRange range) override {
    return inner_->get(std::move(key), range);
  }
  awaitable<Result<storage::ObjectInfo>> do_head(std::string key) override {
    return inner_->head(std::move(key));
  }
  awaitable<Result<storage::ListPage>> do_list(storage::ListOptions options) override {
    return inner_->list(std::move(options));
  }
  awaitable<Result<void>> do_remove(std::string key) override {
    ++removals;
    return inner_->remove(std::move(key));
  }
  awaitable<Result<storage::ObjectInfo>> do_upload(std::string key, storage::PieceSource source,
                                                   storage::UploadOptions options) override {
    return inner_->upload(std::move(key), std::move(source), std::move(options));
  }
  awaitable<Result<std::unique_ptr<storage::ObjectReader>>> do_open(
      std::string key, storage::ByteRange range) override {
    return inner_->open(std::move(key), range);
  }

  const std::shared_ptr<storage::ObjectStore> inner_;
};

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

TEST_F(ForgottenTest, WhatIsRemovedForGoodHasNoVersionLeftWhereTheseMayBeRemoved) {
  const auto store = std::make_shared<VersionedStore>(objects_);
  for (const bool may_purge : {true, false}) {
    ASSERT_TRUE(run(runtime_, store->put("candidates/cv-1.json", "x")).has_value());
    store->may_purge = may_purge;

    ASSERT_TRUE(run(runtime_, pods::remove_for_good(store, "candidates/cv-1.json")).has_value());

    EXPECT_EQ(run(runtime_, objects_->head("candidates/cv-1.json")).error().code(),
              Errc::not_found);
  }
  EXPECT_EQ(store->purges, 1);
  EXPECT_EQ(store->removals, 1);
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
