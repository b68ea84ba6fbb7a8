#include "pods/jobadder/connections.hpp"
#include "pods/jobadder/handlers.hpp"
#include "pods/jobadder/object_state_store.hpp"
#include "pods/jobadder/sync_cursor.hpp"
#include "pods/jobadder/watchdog.hpp"
#include "support/run.hpp"
#include <rwp/storage_memory/memory_object_store.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace rwp::pods {
namespace {

using namespace std::chrono_literals;
using tests::run;

constexpr auto kNine = std::chrono::sys_days(std::chrono::year(2026) / 1 / 31) + 9h;

TEST(JobAdderCursorTest, PassThatWasBrokenOffGoesOnAndBeganWhenItBegan) {
  EntityCursor cursor;

  cursor.took(kNine, kNine - 48h, 500);
  cursor.took(kNine + 1h, kNine - 24h, 500);

  EXPECT_EQ(cursor.pass_began, kNine);
  EXPECT_EQ(cursor.after, kNine - 24h);
  EXPECT_EQ(cursor.seen, 1'000U);
  cursor.finished(kNine + 2h);
  EXPECT_EQ(cursor.since, kNine - kSyncOverlap);
  EXPECT_FALSE(cursor.pass_began || cursor.after);
}

TEST(JobAdderCursorTest, PageOfOlderRecordsMovesNothingBack) {
  EntityCursor cursor;

  cursor.took(kNine, kNine, 1);
  cursor.took(kNine, kNine - 1h, 1);

  EXPECT_EQ(cursor.after, kNine);
}

TEST(JobAdderCursorTest, IsReadAsItWasWritten) {
  SyncCursor cursor;
  cursor.candidates.took(kNine, kNine - 1h, 7);
  cursor.applications.finished(kNine);
  cursor.last_finished = kNine + 250ms;
  cursor.deletions_since = kNine;

  EXPECT_EQ(read_cursor(write_cursor(cursor)).value(), cursor);
  EXPECT_EQ(read_cursor("{}").value(), SyncCursor());
  EXPECT_EQ(read_cursor("rubbish").error().code(), Errc::corrupt);
}

TEST(JobAdderCursorTest, DigestsAreReadAsTheyWereWritten) {
  const AdDigests digests{{7, "aa"}, {12, "bb"}};

  EXPECT_EQ(read_digests(write_digests(digests)).value(), digests);
  EXPECT_EQ(read_digests("[").error().code(), Errc::corrupt);
}

TEST(JobAdderStateTest, OfTwoWhoReadTheSameCellOneWrites) {
  Runtime runtime;
  const auto state = make_object_state_store(storage::make_memory_object_store());
  const auto first = run(runtime, state->put("jobadder/-/x", "same", "")).value();
  EXPECT_EQ(run(runtime, state->put("jobadder/-/x", "same", "")).error().code(), Errc::conflict);

  const auto cell = run(runtime, state->get("jobadder/-/x")).value();
  EXPECT_EQ(cell.text, "same");
  EXPECT_EQ(cell.version, first);
  // Equal texts are writes of their own.
  const auto second = run(runtime, state->put("jobadder/-/x", "same", first)).value();

  EXPECT_NE(first, second);
  EXPECT_EQ(run(runtime, state->put("jobadder/-/x", "b", first)).error().code(), Errc::conflict);
  EXPECT_EQ(run(runtime, state->put("jobadder/-/y", "b", first)).error().code(), Errc::conflict);
  EXPECT_EQ(run(runtime, state->get("jobadder/-/z")).error().code(), Errc::not_found);
}

TEST(JobAdderStateTest, TenantsHaveCellsOfTheirOwn) {
  EXPECT_EQ(jobadder_cell("", "sync"), "jobadder/-/sync");
  EXPECT_EQ(jobadder_cell("acme", "sync"), "jobadder/acme/sync");
  for (const auto* tenant : {"-", ".", "..", "a/b", "../x", "a b"}) {
    EXPECT_FALSE(check_jobadder_tenant(tenant)) << tenant;
  }
  EXPECT_TRUE(check_jobadder_tenant(""));
}

TEST(JobAdderStateTest, TenantsHaveAuthorisationsOfTheirOwn) {
  const Secret secret("0123456789abcdef");

  EXPECT_NE(webhook_authorization(secret, "a"), webhook_authorization(secret, "b"));
  EXPECT_NE(webhook_authorization(secret, "a"), webhook_authorization(Secret("other"), "a"));
}

TEST(JobAdderJobsTest, SameVersionIsTheSameJob) {
  JobAdderRecord record;
  record.entity = "candidate";
  record.id = 7;
  record.version = "2026-01-31T09:00:00Z";

  const auto job = make_record_job("acme", record);
  record.version = "2026-01-31T09:00:01Z";
  const auto next = make_record_job("acme", record);

  EXPECT_NE(job.idempotency_key, next.idempotency_key);
  EXPECT_EQ(job.tenant, "acme");
  // Forgetting a person finds the jobs that do not name him.
  EXPECT_EQ(job.tags, std::vector{subject_tag(subject_of("acme", "jobadder-7"))});
}

TEST(JobAdderJobsTest, ClientNeedsItsSecret) {
  Configuration configuration;
  EXPECT_FALSE(has_jobadder(configuration));
  configuration.jobadder_client_id = "x";
  EXPECT_FALSE(has_jobadder(configuration));
  configuration.jobadder_client_secret = Secret("y");
  EXPECT_TRUE(has_jobadder(configuration));
}

}  // namespace
}  // namespace rwp::pods
