#include <rwp/core/json_text.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/testing/captured_log.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace rwp::observability {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::SizeIs;

/// A log file of its own for each test, and what stands in it.
class FileLogTest : public ::testing::Test {
 protected:
  void SetUp() override { std::filesystem::remove(path_); }
  void TearDown() override { std::filesystem::remove(path_); }

  Logger open(LogFormat format, LogLevel level = LogLevel::info) {
    const LogOptions options{.format = format, .level = level};
    return Logger(make_file_log_sink(path_, options).value());
  }

  std::vector<std::string> lines() const {
    std::ifstream file(path_);
    std::vector<std::string> all;
    for (std::string line; std::getline(file, line);) all.push_back(line);
    return all;
  }

  const std::string path_ = ::testing::TempDir() + "rwp_log_" + std::to_string(getpid()) + ".log";
};

JsonDocument parsed(const std::string& line) { return JsonDocument(JsonText::parse(line).value()); }

TEST(LoggerTest, DefaultIsSilent) {
  const Logger log;

  log.error("nobody hears this", {{"n", 1}});

  EXPECT_FALSE(log.enabled(LogLevel::error));
}

TEST(LoggerTest, EachLevelReachesTheSink) {
  const auto sink = std::make_shared<testing::CapturedLog>();
  const Logger log(sink);

  log.debug("a");
  log.info("b");
  log.warn("c");
  log.error("d");

  const auto lines = sink->lines();
  ASSERT_THAT(lines, SizeIs(4));
  EXPECT_EQ(lines[0].level, LogLevel::debug);
  EXPECT_EQ(lines[1].level, LogLevel::info);
  EXPECT_EQ(lines[2].level, LogLevel::warn);
  EXPECT_EQ(lines[3].level, LogLevel::error);
  EXPECT_EQ(lines[3].event, "d");
}

TEST(LoggerTest, LevelsBelowTheSinksAreDropped) {
  const auto sink = std::make_shared<testing::CapturedLog>(LogLevel::warn);
  const Logger log(sink);

  log.info("too little");
  log.warn("enough");

  EXPECT_EQ(sink->count("too little"), 0U);
  EXPECT_EQ(sink->count("enough"), 1U);
}

TEST(LoggerTest, StandingFieldsAreOnEveryLineAndTheNearerWins) {
  const auto sink = std::make_shared<testing::CapturedLog>();
  const Logger log = Logger(sink).with({{"job", "7"}, {"queue", "a"}}).with({{"queue", "b"}});

  log.info("first");
  log.info("second", {{"job", "8"}});

  EXPECT_EQ(sink->find("first")->field("job"), "7");
  EXPECT_EQ(sink->find("first")->field("queue"), "b");
  EXPECT_EQ(sink->find("second")->field("job"), "8");
  EXPECT_THAT(sink->find("second")->fields, SizeIs(2));
}

TEST(LoggerTest, FieldsKeepTheirValues) {
  const auto sink = std::make_shared<testing::CapturedLog>();
  const std::string text = "text";
  const char* missing = nullptr;

  Logger(sink).info("event", {{"text", text},
                              {"literal", "x"},
                              {"null", missing},
                              {"flag", true},
                              {"negative", -5},
                              {"size", std::size_t{7}},
                              {"huge", std::numeric_limits<std::uint64_t>::max()},
                              {"error", Error(Errc::not_found, "no job")}});

  const auto line = sink->find("event").value();
  EXPECT_EQ(line.field("text"), "text");
  EXPECT_EQ(line.field("literal"), "x");
  EXPECT_EQ(line.field("null"), "");
  EXPECT_EQ(line.field("flag"), "true");
  EXPECT_EQ(line.field("negative"), "-5");
  EXPECT_EQ(line.field("size"), "7");
  EXPECT_EQ(line.field("huge"), "18446744073709551615");
  EXPECT_EQ(line.field("error"), "not_found: no job");
  EXPECT_EQ(line.field("absent"), std::nullopt);
}

TEST(CapturedLogTest, ClearForgetsEverything) {
  testing::CapturedLog log;
  log.write(LogLevel::info, "event", {});

  log.clear();

  EXPECT_TRUE(log.lines().empty());
  EXPECT_FALSE(log.find("event").has_value());
}

TEST_F(FileLogTest, JsonLineHasTimeLevelEventAndFields) {
  open(LogFormat::json).warn("lease lost", {{"job_id", "7"}, {"attempt", 3}, {"late", 1.5}});

  ASSERT_THAT(lines(), SizeIs(1));
  const auto line = parsed(lines()[0]);
  EXPECT_THAT(std::string(line.root().find("time")->as_string().value()),
              MatchesRegex("2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[.][0-9]{3}Z"));
  EXPECT_EQ(line.root().find("level")->as_string(), "warn");
  EXPECT_EQ(line.root().find("event")->as_string(), "lease lost");
  EXPECT_EQ(line.root().find("job_id")->as_string(), "7");
  EXPECT_EQ(line.root().find("attempt")->as_int64(), 3);
  EXPECT_EQ(line.root().find("late")->as_double(), 1.5);
}

TEST_F(FileLogTest, TextLineIsForPeople) {
  open(LogFormat::text).info("worker started", {{"queue", "ads"}, {"note", "two words"}, {"n", 3}});

  ASSERT_THAT(lines(), SizeIs(1));
  EXPECT_THAT(lines()[0], EndsWith("Z info  worker started queue=ads note=\"two words\" n=3"));
}

TEST_F(FileLogTest, NothingBreaksALineInTwo) {
  const std::string nasty = "a\nb\r\n\x01\"c\xFF";
  for (const LogFormat format : {LogFormat::json, LogFormat::text}) {
    open(format).info(nasty, {{nasty, nasty}});
  }

  ASSERT_THAT(lines(), SizeIs(2));
  EXPECT_EQ(parsed(lines()[0]).root().find("event")->as_string(), "a\nb\r\n\x01\"c\xEF\xBF\xBD");
  EXPECT_EQ(lines()[1].find('\r'), std::string::npos);
}

TEST_F(FileLogTest, ClashingFieldNamesGetASuffix) {
  open(LogFormat::json)
      .info("event", {{"time", 1}, {"level", 2}, {"event", 3}, {"cut", 4}, {"x", 5}, {"x", 6}});

  const auto line = parsed(lines().at(0));
  EXPECT_EQ(line.root().find("event")->as_string(), "event");
  EXPECT_EQ(line.root().find("time_")->as_int64(), 1);
  EXPECT_EQ(line.root().find("level_")->as_int64(), 2);
  EXPECT_EQ(line.root().find("event_")->as_int64(), 3);
  EXPECT_EQ(line.root().find("cut_")->as_int64(), 4);
  EXPECT_EQ(line.root().find("x")->as_int64(), 5);
  EXPECT_EQ(line.root().find("x_")->as_int64(), 6);
}

TEST_F(FileLogTest, LongLinesAreCutAndSaySo) {
  const std::string ascii(200'000, 'a');
  const std::string control(200'000, '\x01');
  std::string accents;
  for (int i = 0; i < 100'000; ++i) accents += "\xC3\xA9";
  const std::vector<std::string> texts = {ascii, control, accents};

  const Logger log = open(LogFormat::json);
  for (const auto& text : texts) {
    log.info("long value", {{"text", text}, {"after", 1}});
    log.info(text, {{"n", 1}});
    log.info("long name", {{text, 1}, {"n", 1}});
  }

  ASSERT_THAT(lines(), SizeIs(9));
  for (const auto& line : lines()) {
    EXPECT_LE(line.size(), 64U * 1024);
    EXPECT_EQ(parsed(line).root().find("cut")->as_bool(), true);
    // Cut between characters: nothing had to be replaced.
    EXPECT_EQ(line.find("\xEF\xBF\xBD"), std::string::npos);
  }
  EXPECT_GT(lines()[0].size(), 60U * 1024);
  EXPECT_EQ(parsed(lines()[1]).root().find("n")->as_int64(), 1);
  EXPECT_EQ(parsed(lines()[2]).root().find("n")->as_int64(), 1);
}

TEST_F(FileLogTest, LongTextLinesAreCutToo) {
  open(LogFormat::text).info("event", {{"text", std::string(100'000, 'a')}});

  EXPECT_LE(lines().at(0).size(), 64U * 1024);
  EXPECT_THAT(lines().at(0), EndsWith(" [cut]"));
}

TEST_F(FileLogTest, LinesWithinTheBoundAreNotCut) {
  open(LogFormat::json).info("event", {{"text", std::string(60'000, 'a')}});

  EXPECT_FALSE(parsed(lines().at(0)).root().find("cut").has_value());
  EXPECT_EQ(parsed(lines().at(0)).root().find("text")->as_string()->size(), 60'000U);
}

TEST_F(FileLogTest, WritesTheSetLevelAndAbove) {
  const Logger log = open(LogFormat::text, LogLevel::error);

  log.warn("too little");
  log.error("enough");

  ASSERT_THAT(lines(), SizeIs(1));
  EXPECT_THAT(lines()[0], HasSubstr("enough"));
}

TEST_F(FileLogTest, AppendsToWhatIsThere) {
  open(LogFormat::text).info("first");
  open(LogFormat::text).info("second");

  EXPECT_THAT(lines(), SizeIs(2));
}

TEST_F(FileLogTest, LinesOfSeveralThreadsStayWhole) {
  const Logger log = open(LogFormat::json);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([log] {
      for (int i = 0; i < 200; ++i) log.info("event", {{"text", std::string(300, 'x')}});
    });
  }
  for (auto& thread : threads) thread.join();

  ASSERT_THAT(lines(), SizeIs(800));
  for (const auto& line : lines()) EXPECT_TRUE(JsonText::parse(line).has_value()) << line;
}

TEST_F(FileLogTest, GatheredLinesAreThereInOrderOnceFlushed) {
  const Logger log = open(LogFormat::text).with({{"pod", "api"}});
  std::vector<LogField> fields;
  for (int i = 0; i < 100; ++i) {
    fields.assign(1, LogField("n", i));
    log.gather(LogLevel::info, "request", fields);
  }
  log.gather(LogLevel::debug, "below the level", fields);

  log.flush();

  const auto all = lines();
  ASSERT_THAT(all, SizeIs(100));
  for (int i = 0; i < 100; ++i) {
    EXPECT_THAT(all[static_cast<std::size_t>(i)],
                EndsWith("request pod=api n=" + std::to_string(i)));
  }
}

TEST_F(FileLogTest, ALineTakesThoseGatheredBeforeAlong) {
  const Logger log = open(LogFormat::text);
  log.gather(LogLevel::info, "gathered", {});

  log.warn("at once");

  const auto all = lines();
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_THAT(all[0], EndsWith("gathered"));
  EXPECT_THAT(all[1], EndsWith("at once"));
}

TEST_F(FileLogTest, WhatIsGatheredIsNotLostWithTheLogger) {
  open(LogFormat::text).gather(LogLevel::info, "gathered", {});

  EXPECT_THAT(lines(), SizeIs(1));
}

TEST_F(FileLogTest, AFileThatCannotBeOpenedIsUnavailable) {
  const auto sink = make_file_log_sink("/proc/no-such-directory/x.log");

  ASSERT_FALSE(sink.has_value());
  EXPECT_EQ(sink.error().code(), Errc::unavailable);
}

TEST_F(FileLogTest, AFullDiskLosesTheLineAndNothingElse) {
  auto sink = make_file_log_sink("/dev/full");
  if (!sink) GTEST_SKIP() << "this machine has no /dev/full";

  EXPECT_NO_THROW(Logger(*sink).info("event"));
}

TEST(StderrLogTest, WritesALine) {
  ::testing::internal::CaptureStderr();

  Logger(make_stderr_log_sink({.format = LogFormat::json})).info("to standard error");

  const std::string written = ::testing::internal::GetCapturedStderr();
  EXPECT_THAT(written, EndsWith("\"event\":\"to standard error\"}\n"));
}

}  // namespace
}  // namespace rwp::observability
