#include <rwp/core/uuid.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <unordered_set>
#include <vector>

namespace rwp {
namespace {

using namespace std::chrono_literals;
using Time = std::chrono::system_clock::time_point;

// A day of its own for each test: identifiers for named times share one counter.
Time day(int number) { return Time(std::chrono::hours(24 * (20'000 + number))); }

TEST(UuidTest, VersionSevenCarriesItsTimeVersionAndVariant) {
  const Time time = day(1) + 123ms;

  const Uuid id = Uuid::make_v7(time);

  EXPECT_EQ(id.version(), 7);
  EXPECT_EQ(id.bytes[8] >> 6U, 2);
  EXPECT_EQ(id.time(), time);
  EXPECT_FALSE(id.is_nil());
}

TEST(UuidTest, OrderHoldsWhileTheClockStandsStill) {
  std::vector<Uuid> ids;

  for (int i = 0; i < 20'000; ++i) ids.push_back(Uuid::make_v7(day(2)));

  EXPECT_EQ(std::adjacent_find(ids.begin(), ids.end(), std::greater_equal<>()), ids.end());
}

TEST(UuidTest, OrderHoldsWhileTheClockStepsBackALittle) {
  const Uuid first = Uuid::make_v7(day(3) + 500ms);
  const Uuid second = Uuid::make_v7(day(3));
  const Uuid third = Uuid::make_v7(day(3) + 400ms);

  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
}

TEST(UuidTest, AClockThatWentFarBackIsBelieved) {
  Uuid::make_v7(day(5));

  EXPECT_EQ(Uuid::make_v7(day(4)).time(), day(4));
}

TEST(UuidTest, TimesBeforeNineteenSeventyBecomeTheEpoch) {
  EXPECT_EQ(Uuid::make_v7(Time(-5h)).time(), Time());
}

TEST(UuidTest, OrderHoldsBetweenThreads) {
  // Handed from thread to thread, so that each identifier is made after the one before it.
  Uuid last = Uuid::make_v7();
  int out_of_order = 0;

  for (int i = 0; i < 200; ++i) {
    std::thread([&] {
      const Uuid next = Uuid::make_v7();
      if (next <= last) ++out_of_order;
      last = next;
    }).join();
  }

  EXPECT_EQ(out_of_order, 0);
}

TEST(UuidTest, ThreadsAtOnceMakeNoTwoAlike) {
  constexpr std::size_t kThreads = 4;
  constexpr std::size_t kEach = 5'000;
  std::vector<std::vector<Uuid>> made(kThreads);

  std::vector<std::thread> threads;
  for (auto& ids : made) {
    threads.emplace_back([&ids] {
      for (std::size_t i = 0; i < kEach; ++i) ids.push_back(Uuid::make_v7());
    });
  }
  for (auto& thread : threads) thread.join();

  std::unordered_set<Uuid> all;
  for (const auto& ids : made) {
    EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
    all.insert(ids.begin(), ids.end());
  }
  EXPECT_EQ(all.size(), kThreads * kEach);
}

TEST(UuidTest, AForkedProcessMakesOthersThanItsParent) {
  Uuid::make_v7(day(6));
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);

  const pid_t child = fork();
  if (child == 0) {
    const Uuid id = Uuid::make_v7(day(6));
    _exit(write(ends[1], id.bytes.data(), id.bytes.size()) == 16 ? 0 : 1);
  }
  const Uuid ours = Uuid::make_v7(day(6));
  Uuid theirs;
  ASSERT_EQ(read(ends[0], theirs.bytes.data(), theirs.bytes.size()), 16);
  waitpid(child, nullptr, 0);
  close(ends[0]);
  close(ends[1]);

  EXPECT_NE(ours, theirs);
}

TEST(UuidTest, TextIsReadBackInEitherCase) {
  const std::string text = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";

  const auto lower = Uuid::parse(text);
  const auto upper = Uuid::parse("0190A1B2-C3D4-7E5F-8A9B-0C1D2E3F4A5B");

  ASSERT_TRUE(lower.has_value());
  ASSERT_TRUE(upper.has_value());
  EXPECT_EQ(*lower, *upper);
  EXPECT_EQ(lower->to_string(), text);
  EXPECT_EQ(lower->bytes[0], 0x01);
  EXPECT_EQ(lower->bytes[15], 0x5B);
}

TEST(UuidTest, AnyOtherTextIsRefused) {
  const std::string good = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";
  std::vector<std::string> bad = {"", good.substr(1), good + "0", "{" + good + "}",
                                  "0190a1b2c3d47e5f8a9b0c1d2e3f4a5b"};
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string broken = good;
    broken[i] = good[i] == '-' ? '0' : 'g';
    bad.push_back(broken);
  }

  for (const auto& text : bad) {
    const auto parsed = Uuid::parse(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().code(), Errc::invalid_argument);
  }
}

TEST(UuidTest, ATimeBeyondTheClocksIsTheLatestOne) {
  using Clock = std::chrono::system_clock;
  for (const char* text :
       {"ffffffff-ffff-7000-8000-000000000000", "10c6f7a0-b5ee-7000-8000-000000000000"}) {
    EXPECT_EQ(Uuid::parse(text)->time(), Clock::time_point::max()) << text;
  }
}

TEST(UuidTest, NilIsTheDefault) {
  EXPECT_TRUE(Uuid().is_nil());
  EXPECT_EQ(Uuid().version(), 0);
  EXPECT_EQ(Uuid().to_string(), "00000000-0000-0000-0000-000000000000");
}

}  // namespace
}  // namespace rwp
