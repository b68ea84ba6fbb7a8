#include <rwp/jobs/checked_job.hpp>
#include <rwp/jobs/outbox_job.hpp>

#include <gtest/gtest.h>

namespace rwp::jobs {
namespace {

OutboxMessage message(std::string topic, std::string body) {
  return {.id = Uuid::make_v7(),
          .topic = std::move(topic),
          .body = JsonText::parse(std::move(body)).value()};
}

TEST(OutboxJobTest, MessagesComeOutAsTheyWentIn) {
  std::vector<OutboxMessage> in{message("analytics", R"({"name":"view"})"),
                                message("analytics", "[1,2]")};

  const auto jobs = make_outbox_jobs(in).value();

  ASSERT_EQ(jobs.size(), 1U);
  EXPECT_EQ(jobs[0].kind, outbox_kind("analytics"));
  EXPECT_EQ(jobs[0].queue, kOutboxQueue);
  const auto out = read_outbox_job(jobs[0].payload).value();
  ASSERT_EQ(out.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(out[i].id, in[i].id);
    EXPECT_EQ(out[i].topic, in[i].topic);
    EXPECT_EQ(out[i].body, in[i].body);
  }
}

TEST(OutboxJobTest, EachTopicHasAJobOfItsOwn) {
  std::vector<OutboxMessage> in{message("a", "1"), message("b", "2"), message("a", "3")};

  const auto jobs = make_outbox_jobs(std::move(in)).value();

  ASSERT_EQ(jobs.size(), 2U);
  EXPECT_EQ(read_outbox_job(jobs[0].payload).value().size(), 2U);
  EXPECT_EQ(read_outbox_job(jobs[1].payload).value().size(), 1U);
}

TEST(OutboxJobTest, ManyOrLargeMessagesAreSplit) {
  const std::vector<OutboxMessage> many(kMaxOutboxMessages + 1, message("a", "1"));
  const std::vector<OutboxMessage> large(3, message("a", '"' + std::string(400'000, 'x') + '"'));

  EXPECT_EQ(make_outbox_jobs(many).value().size(), 2U);
  const auto split = make_outbox_jobs(large).value();
  ASSERT_EQ(split.size(), 2U);
  for (const NewJob& job : split) EXPECT_LE(job.payload.size(), kMaxInlinePayloadBytes);
}

TEST(OutboxJobTest, ANilIdIsMade) {
  OutboxMessage nameless = message("a", "1");
  nameless.id = Uuid();

  const auto jobs = make_outbox_jobs({nameless}).value();

  EXPECT_FALSE(read_outbox_job(jobs[0].payload).value()[0].id.is_nil());
}

TEST(OutboxJobTest, ATopicThatMakesNoKindIsRefused) {
  EXPECT_EQ(make_outbox_jobs({message("two words", "1")}).error().code(), Errc::invalid_argument);
  EXPECT_EQ(make_outbox_jobs({message("", "1")}).error().code(), Errc::invalid_argument);
}

TEST(OutboxJobTest, OtherPayloadsAreRefused) {
  for (const char* text : {"null", "{}", R"({"messages":5})", R"({"messages":[1]})",
                           R"({"messages":[{"id":"x","topic":"a","body":1}]})"}) {
    const auto payload = JsonText::parse(text).value();
    EXPECT_EQ(read_outbox_job(payload).error().code(), Errc::invalid_argument) << text;
  }
}

}  // namespace
}  // namespace rwp::jobs
