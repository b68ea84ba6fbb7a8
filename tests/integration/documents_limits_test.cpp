#include "support/documents_fixture.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace rwp::documents {
namespace {

using namespace std::chrono_literals;

class ReaderLimitsTest : public tests::DocumentsFixture {
 protected:
  static std::optional<Trouble> trouble(const Result<DocumentText>& read) {
    return read ? std::nullopt : trouble_of(read.error());
  }
  static DocumentRequest words() {
    DocumentRequest request;
    request.content = "some words";
    return request;
  }
};

TEST_F(ReaderLimitsTest, ReaderThatCrashesIsItsOwnTrouble) {
  const auto read_it = read(words(), unruly_reader("crash"));

  EXPECT_EQ(trouble(read_it), Trouble::reader_crashed);
  EXPECT_EQ(read_it.error().code(), Errc::internal);
  EXPECT_FALSE(read_it.error().retryable());
}

TEST_F(ReaderLimitsTest, ReaderThatHangsEndsAtTheWallTime) {
  auto request = words();
  request.limits.max_wall_time = 100ms;

  EXPECT_EQ(trouble(read(request, unruly_reader("hang"))), Trouble::out_of_time);
}

TEST_F(ReaderLimitsTest, ReaderThatSpinsEndsAtTheProcessorTime) {
  auto request = words();
  request.limits.max_cpu_time = 1s;

  EXPECT_EQ(trouble(read(request, unruly_reader("spin"))), Trouble::out_of_time);
}

TEST_F(ReaderLimitsTest, ReaderThatEatsMemoryEndsAtItsLimit) {
  auto request = words();
  request.limits.max_memory_bytes = 256 << 20;

  EXPECT_EQ(trouble(read(request, unruly_reader("eat"))), Trouble::out_of_memory);
}

TEST_F(ReaderLimitsTest, ReaderThatWritesWithoutEndIsStopped) {
  EXPECT_EQ(trouble(read(words(), unruly_reader("flood"))), Trouble::reader_crashed);
}

TEST_F(ReaderLimitsTest, ReaderThatAnswersNonsenseIsNotBelieved) {
  EXPECT_EQ(trouble(read(words(), unruly_reader("echo"))), Trouble::reader_crashed);
}

TEST_F(ReaderLimitsTest, ReaderThatIsNotThereIsWorthARetry) {
  ReaderOptions options;
  options.program = "/nowhere/reader";

  const auto read_it = read(words(), options);

  EXPECT_EQ(trouble(read_it), Trouble::reader_missing);
  EXPECT_TRUE(read_it.error().retryable());
}

TEST_F(ReaderLimitsTest, DocumentThatNeedsLongIsStoppedWithinItsTime) {
  auto request = zoo_request("bomb.pdf");
  request.limits.max_cpu_time = 1s;

  EXPECT_EQ(trouble(read(request)), Trouble::out_of_time);
}

TEST_F(ReaderLimitsTest, TextBeyondTheLimitIsRefused) {
  for (const char* name : {"good.txt", "good.pdf", "good.docx", "good.html"}) {
    auto request = zoo_request(name);
    request.limits.max_text_bytes = 20;

    EXPECT_EQ(trouble(read(request)), Trouble::too_large) << name;
  }
}

TEST_F(ReaderLimitsTest, DocumentBeyondTheLimitIsRefused) {
  auto request = words();
  request.limits.max_document_bytes = 9;

  EXPECT_EQ(trouble(read(request)), Trouble::too_large);
}

Result<int> open_descriptors() {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    count += entry.exists() ? 1 : 0;
  }
  return count;
}

TEST_F(ReaderLimitsTest, NothingIsLeftOpenAfterReaders) {
  (void)read_zoo("good.pdf");
  const int before = open_descriptors().value();

  for (int i = 0; i < 20; ++i) (void)read_zoo(i % 2 == 0 ? "good.pdf" : "truncated.pdf");

  EXPECT_LE(open_descriptors().value(), before);
}

}  // namespace
}  // namespace rwp::documents
