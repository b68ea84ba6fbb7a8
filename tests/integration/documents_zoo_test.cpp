#include "support/temporary_directory.hpp"
#include "support/worker_fixture.hpp"
#include <rwp/core/describe.hpp>
#include <rwp/documents/read_document.hpp>
#include <rwp/documents/trouble.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <tuple>
#include <vector>

namespace rwp::documents {
namespace {

using namespace std::chrono_literals;

struct ReadDocument {
  static constexpr std::string_view job_kind = "document.read";
  std::string path;
  std::string reader;
  /// Much more than a document needs that is no bomb, on a slow machine too.
  int max_cpu_seconds = 60;
  static constexpr auto describe() {
    return std::tuple{rwp::field("path", &ReadDocument::path),
                      rwp::field("reader", &ReadDocument::reader),
                      rwp::field("max_cpu_seconds", &ReadDocument::max_cpu_seconds)};
  }
};

struct Words {
  std::string text;
  static constexpr auto describe() { return std::tuple{rwp::field("text", &Words::text)}; }
};

boost::asio::awaitable<Result<Words>> read_job(ReadDocument arguments, jobs::JobContext& context) {
  (void)context;
  DocumentRequest request;
  request.path = arguments.path;
  request.file_name = arguments.path.substr(arguments.path.rfind('/') + 1);
  request.limits.max_cpu_time = std::chrono::seconds(arguments.max_cpu_seconds);
  request.limits.max_memory_bytes = 768 << 20;
  ReaderOptions options;
  options.program = arguments.reader;
  auto reading = read_document(std::move(request), std::move(options));
  auto read = co_await std::move(reading);
  if (!read) co_return read.error();
  Words words;
  words.text = std::move(read->text);
  co_return words;
}

struct Expected {
  std::string name{};
  Trouble trouble = Trouble::damaged;
  std::string reader{};
};

/// Everything in the zoo that is not to be read.
const std::vector<Expected>& bad_documents() {
  static const std::vector<Expected> all{
      {"truncated.pdf", Trouble::damaged},
      {"truncated.docx", Trouble::damaged},
      {"half.docx", Trouble::damaged},
      {"encrypted.pdf", Trouble::encrypted},
      {"encrypted.docx", Trouble::encrypted},
      {"locked.docx", Trouble::encrypted},
      {"old.doc", Trouble::unsupported_type},
      {"bomb.docx", Trouble::too_complex},
      {"nested-bomb.docx", Trouble::unsupported_type},
      {"overlapping-bomb.docx", Trouble::damaged},
      {"bomb.pdf", Trouble::out_of_time},
      {"nested.pdf", Trouble::damaged},
      {"nested.docx", Trouble::too_complex},
      {"nested.html", Trouble::too_complex},
      {"page-loop.pdf", Trouble::damaged},
      {"many-pages.pdf", Trouble::damaged},
      {"image.pdf", Trouble::empty},
      {"laughs.docx", Trouble::damaged},
      {"external.docx", Trouble::damaged},
      {"broken-xml.docx", Trouble::damaged},
      {"image.docx", Trouble::unsupported_type},
      {"program.pdf", Trouble::unsupported_type},
      {"noise.txt", Trouble::unsupported_type},
      {"noise.pdf", Trouble::damaged},
      {"sheet.xlsx", Trouble::unsupported_type},
      {"empty.pdf", Trouble::empty},
      {"blank.txt", Trouble::empty},
      {"good.txt", Trouble::reader_crashed, "crash"},
      {"good.txt", Trouble::out_of_time, "spin"},
      {"good.txt", Trouble::out_of_memory, "eat"},
      {"good.txt", Trouble::reader_crashed, "flood"},
  };
  return all;
}

class DocumentZooTest : public tests::WorkerFixture {
 protected:
  // A machine that stalls is no trouble of a document.
  DocumentZooTest() { options_.lease = std::chrono::seconds(60); }

  std::string reader(const std::string& what) {
    if (what.empty()) return {};
    const auto link = folder_.path() / ("unruly-" + what);
    std::filesystem::create_symlink(RWP_UNRULY_CHILD, link);
    return link;
  }

  Uuid submit_read(const Expected& document) {
    ReadDocument arguments;
    arguments.path = RWP_ZOO "/" + document.name;
    arguments.reader = reader(document.reader);
    if (document.trouble == Trouble::out_of_time) arguments.max_cpu_seconds = 1;
    return submit(jobs::to_new_job(arguments));
  }
  Uuid submit_read(std::string path) {
    ReadDocument arguments;
    arguments.path = std::move(path);
    return submit(jobs::to_new_job(arguments));
  }

  tests::TemporaryDirectory folder_;
};

TEST_F(DocumentZooTest, EachBadDocumentFailsItsJobAloneAndItsNeighboursSucceed) {
  worker().handle<ReadDocument>(&read_job);
  worker().start();
  std::vector<std::pair<Uuid, const Expected*>> bad;
  std::vector<Uuid> good;
  for (const Expected& expected : bad_documents()) {
    bad.emplace_back(submit_read(expected), &expected);
    good.push_back(submit_read(RWP_ZOO "/good.pdf"));
  }

  for (const auto& [id, expected] : bad) {
    const jobs::Job job = ended(id);
    SCOPED_TRACE(expected->name + " " + expected->reader);
    EXPECT_EQ(job.state, jobs::JobState::failed);
    EXPECT_EQ(job.end_reason, jobs::EndReason::error);
    ASSERT_EQ(job.errors.size(), 1U);
    EXPECT_EQ(trouble_of(job.errors.front().message), expected->trouble)
        << job.errors.front().message;
  }
  for (const Uuid id : good) EXPECT_EQ(ended(id).state, jobs::JobState::succeeded);
  EXPECT_TRUE(stopped());
}

TEST_F(DocumentZooTest, ThreeHundredMegabytesOfTextAreRefusedUnread) {
  const auto path = folder_.path() / "large.txt";
  std::string block;
  while (block.size() < 1'000'000) block += "pump engineer, Port Ostra\n";
  std::ofstream file(path, std::ios::binary);
  for (int i = 0; i < 300; ++i) file << block;
  file.close();
  ASSERT_GE(std::filesystem::file_size(path), 300'000'000U);
  worker().handle<ReadDocument>(&read_job);
  worker().start();

  const jobs::Job job = ended(submit_read(path));

  EXPECT_EQ(job.state, jobs::JobState::failed);
  ASSERT_EQ(job.errors.size(), 1U);
  EXPECT_EQ(trouble_of(job.errors.front().message), Trouble::too_large);
  EXPECT_TRUE(stopped());
}

}  // namespace
}  // namespace rwp::documents
