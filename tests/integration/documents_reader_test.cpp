#include "support/documents_fixture.hpp"
#include <rwp/core/child_process.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <sys/resource.h>

namespace rwp::documents {
namespace {

using Reader = tests::DocumentsFixture;

/// The most that this process has had at once.
std::int64_t peak_memory_bytes() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return std::int64_t{used.ru_maxrss} * 1'024;
}

constexpr const char* kPlain =
    "Mira Quillfeather\nPump engineer, Port Ostra\nmira@quillfeather.example";

TEST_F(Reader, PdfIsReadLineByLine) {
  const auto read = read_zoo("good.pdf");

  ASSERT_TRUE(read.has_value()) << read.error().to_string();
  EXPECT_EQ(read->text, kPlain);
  EXPECT_EQ(read->media_type, MediaType::pdf);
  EXPECT_EQ(read->pages, 1U);
  EXPECT_TRUE(read->warnings.empty());
}

TEST_F(Reader, DocxIsReadWithItsHeaderListsAndTables) {
  const auto read = read_zoo("good.docx");

  ASSERT_TRUE(read.has_value()) << read.error().to_string();
  EXPECT_EQ(read->text, "+00 555 0100\n\n" + std::string(kPlain) +
                            "\n\nWork\n2019\tOstra Pumps\n\n- Valves\tfive years\nonce");
  EXPECT_EQ(read->media_type, MediaType::docx);
}

TEST_F(Reader, HtmlIsReadWithoutItsScriptsAndStyles) {
  const auto read = read_zoo("good.html");

  ASSERT_TRUE(read.has_value()) << read.error().to_string();
  EXPECT_EQ(read->text,
            "Mira Quillfeather\n\nPump engineer,\nPort Ostra\n\n- Valves\n- Seals\n\n"
            "2019\tOstra Pumps & Sons");
  EXPECT_EQ(read->media_type, MediaType::html);
}

TEST_F(Reader, PlainTextIsReadInItsEncodings) {
  EXPECT_EQ(read_zoo("good.txt").value().text, kPlain);
  EXPECT_EQ(read_zoo("wide.txt").value().text, kPlain);
  EXPECT_EQ(read_zoo("western.txt").value().text, "Zo\xC3\xAB Caf\xC3\xA9, plain words around it");
}

TEST_F(Reader, WrongNameIsReadAsWhatItIsAndSaidSo) {
  const auto pdf = read_zoo("pdf-called-docx.docx");
  const auto docx = read_zoo("docx-called-pdf.pdf");

  ASSERT_TRUE(pdf && docx);
  EXPECT_EQ(pdf->media_type, MediaType::pdf);
  EXPECT_EQ(docx->media_type, MediaType::docx);
  EXPECT_EQ(pdf->warnings.size(), 1U);
  EXPECT_EQ(docx->warnings.size(), 1U);
}

TEST_F(Reader, FileIsReadByItsPath) {
  DocumentRequest request;
  request.path = zoo_path("good.pdf");

  EXPECT_EQ(read(request).value().text, kPlain);
}

TEST_F(Reader, FileIsNotReadByTheWaitingThread) {
  const auto path = folder_.path() / "large.txt";
  std::ofstream(path) << "some words";
  std::filesystem::resize_file(path, 200'000'000);  // Zeros, which take no room on a disk.
  DocumentRequest request;
  request.path = path;
  request.limits.max_document_bytes = 256 << 20;
  const auto before = peak_memory_bytes();

  EXPECT_EQ(trouble_of(read(request).error()), Trouble::unsupported_type);

  EXPECT_LT(peak_memory_bytes() - before, 100'000'000);
}

TEST_F(Reader, WhatIsNoFileIsAnErrorOfTheCaller) {
  DocumentRequest absent;
  absent.path = zoo_path("absent.pdf");
  DocumentRequest folder;
  folder.path = RWP_ZOO;

  EXPECT_EQ(read(absent).error().code(), Errc::not_found);
  EXPECT_EQ(read(folder).error().code(), Errc::invalid_argument);
}

TEST_F(Reader, LimitOutOfItsRangeIsNamed) {
  DocumentRequest request;
  request.content = "words";
  request.limits.max_pages = 0;

  const auto refused = read(request);

  EXPECT_EQ(refused.error().code(), Errc::invalid_argument);
  EXPECT_NE(refused.error().message().find("limits.max_pages"), std::string::npos);
}

TEST_F(Reader, SandboxLeavesNothingButMemoryAndTheEnd) {
  ChildCommand command;
  command.program = RWP_SANDBOXED_CHILD;
  ChildRunOptions options;
  auto running = run_child(std::move(command), std::move(options));

  const auto ran = tests::run(runtime_, std::move(running)).value();

  EXPECT_EQ(ran.output,
            "open=refused socket=refused fork=refused kill=refused exec=refused code=refused "
            "memory=yes ");
}

}  // namespace
}  // namespace rwp::documents
