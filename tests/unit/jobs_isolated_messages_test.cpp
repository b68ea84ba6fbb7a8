#include "jobs/isolated/frame.hpp"
#include "jobs/isolated/messages.hpp"

#include <gtest/gtest.h>

#include <string>

namespace rwp::jobs::isolation {
namespace {

TEST(IsolatedFrameTest, MessagesAreFoundHoweverTheirBytesCome) {
  const std::string bytes = to_frame("one") + to_frame("") + to_frame("three");
  FrameReader frames(16);
  std::string found;

  for (const char byte : bytes) {
    frames.add(std::string_view(&byte, 1));
    while (auto message = frames.next().value()) found += "[" + *message + "]";
  }

  EXPECT_EQ(found, "[one][][three]");
  EXPECT_TRUE(frames.is_empty());
}

TEST(IsolatedFrameTest, LengthBeyondTheLimitIsRefusedBeforeItsBytesCome) {
  FrameReader frames(16);
  frames.add(std::string("\0\0\0\x11", 4));

  EXPECT_EQ(frames.next().error().code(), Errc::corrupt);
}

TEST(IsolatedMessagesTest, JobIsTheSameOnTheOtherSide) {
  ClaimedJob job;
  job.run.id = Uuid::make_v7(std::chrono::system_clock::now());
  job.run.token = 7;
  job.kind = "thumbnail.make";
  job.version = 3;
  job.payload = JsonText::trusted(R"({"a":[1,2]})");
  job.attempt = 2;
  job.tenant = "acme";
  job.cursor = JsonText::trusted("5");
  job.resume = Resume{.key = "batch", .value = JsonText::trusted("true")};

  const auto text = job_message(job, std::chrono::steady_clock::time_point::max());
  const auto message = read_worker_message(text).value();
  const auto read = to_claimed_job(message).value();

  EXPECT_FALSE(message.deadline_ms.has_value());
  EXPECT_EQ(read.run.id, job.run.id);
  EXPECT_EQ(read.run.token, 7U);
  EXPECT_EQ(read.version, 3);
  EXPECT_EQ(read.payload, job.payload);
  EXPECT_EQ(read.attempt, 2);
  EXPECT_EQ(read.cursor, job.cursor);
  ASSERT_TRUE(read.resume.has_value());
  EXPECT_EQ(read.resume->value, job.resume->value);
}

TEST(IsolatedMessagesTest, WhatIsNoMessageIsRefused) {
  EXPECT_EQ(read_child_message("not json").error().code(), Errc::corrupt);
  EXPECT_EQ(read_child_message("[]").error().code(), Errc::corrupt);
  EXPECT_EQ(read_child_message(R"({"type":"progress","fraction":"half"})").error().code(),
            Errc::corrupt);
  EXPECT_EQ(read_worker_message("{}").error().code(), Errc::corrupt);
}

}  // namespace
}  // namespace rwp::jobs::isolation
