#include "pods/ctl/options.hpp"
#include "pods/ctl/printer.hpp"
#include "pods/ctl/progress.hpp"
#include "pods/ctl/submit_lines.hpp"
#include "pods/ctl/verify_objects.hpp"
#include <rwp/builtin_schemes.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <support/run.hpp>
#include <support/temporary_directory.hpp>

namespace rwp::pods::ctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ParsedCommandLine parse(std::vector<std::string> arguments) {
  return parse_command_line(arguments, builtin_schemes());
}

TEST(NearestNameTest, SlipsOfAFewLettersFindTheirName) {
  const std::vector<std::string> flags = {"--file", "--payload", "--priority", "--patience"};

  EXPECT_EQ(nearest_name("--flie", flags), "--file");
  EXPECT_EQ(nearest_name("-file", flags), "--file");
  EXPECT_EQ(nearest_name("--prioritiy", flags), "--priority");
  EXPECT_EQ(nearest_name("--pri", flags), "--priority");
  EXPECT_EQ(nearest_name("--colour", flags), "");
  EXPECT_EQ(nearest_name("", flags), "");
  EXPECT_EQ(nearest_name(std::string(10'000, 'x'), flags), "");
}

TEST(CommandLineTest, CommandsSettingsAndFlagsAreTakenApart) {
  const auto line = parse({"jobs", "submit", "--kind", "k", "--payload", "[1,2]", "--tag", "a",
                           "--tag", "b", "--jobs-url", "sqlite:x.db", "-o", "json"});

  EXPECT_THAT(line.problems, IsEmpty());
  EXPECT_EQ(line.options.command, Command::jobs_submit);
  EXPECT_EQ(line.options.output, OutputFormat::json);
  EXPECT_EQ(line.options.submit.payload, "[1,2]");
  EXPECT_THAT(line.options.submit.tags, ElementsAre("a", "b"));
  EXPECT_THAT(line.settings, ElementsAre("--jobs-url=sqlite:x.db"));
}

TEST(CommandLineTest, KeysHaveNoFlagOfTheirOwn) {
  const auto line = parse({"jobs", "list", "--api-key", "rwp_secret"});

  ASSERT_EQ(line.problems.size(), 1U);
  EXPECT_THAT(line.problems.front(), HasSubstr("--api-key-file"));
  EXPECT_THAT(line.problems.front(), Not(HasSubstr("rwp_secret")));
}

TEST(CommandLineTest, ControlCharactersAreNotTold) {
  const auto line = parse({"jobs", "\x1b[2Jlist"});

  ASSERT_EQ(line.problems.size(), 1U);
  EXPECT_EQ(line.problems.front().find('\x1b'), std::string::npos);
}

TEST(CellTextTest, NothingThatSteersATerminalIsLetThrough) {
  EXPECT_EQ(cell_text("a\x1b[31mb\n\xC2\x9B\xE2\x80\xAE."), "a?[31mb???.");
  EXPECT_EQ(cell_text("broken \xFF utf-8"), "broken ? utf-8");
  EXPECT_EQ(cell_text("Zürich 東京"), "Zürich 東京");
  EXPECT_EQ(cell_text("äöüß", 3), "äöü…");
}

std::string printed(OutputFormat format, const std::vector<std::string>& objects) {
  std::FILE* file = std::tmpfile();
  Printer printer(format, file);
  printer.begin_list("things", {member_column("NAME", "name"), member_column("N", "n")});
  for (const auto& object : objects) printer.row(JsonText::parse(object).value());
  printer.end_list({{"more", JsonText::parse("true").value()}});
  EXPECT_TRUE(printer.finish());
  std::rewind(file);
  std::string text;
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text += static_cast<char>(c);
  std::fclose(file);
  return text;
}

TEST(PrinterTest, ListsAreTablesDocumentsOrLines) {
  const std::vector<std::string> objects = {R"({"name":"ä","n":1})", R"({"name":"long"})"};

  EXPECT_EQ(printed(OutputFormat::table, objects), "NAME  N\nä     1\nlong\n");
  EXPECT_EQ(printed(OutputFormat::ndjson, objects),
            "{\"name\":\"ä\",\"n\":1}\n{\"name\":\"long\"}\n");
  const auto json = JsonText::parse(printed(OutputFormat::json, objects));
  ASSERT_TRUE(json.has_value());
  EXPECT_EQ(JsonDocument(*json).root().find("things")->size(), 2U);
  EXPECT_TRUE(JsonText::parse(printed(OutputFormat::json, {})).has_value());
}

TEST(ProgressTest, LineTellsShareCountsAndRate) {
  EXPECT_EQ(bar_line("submitting", -1, 840, 2'000, 610, 100),
            "submitting [##########..............] 42 %  840 of 2,000  610/s");
  EXPECT_EQ(bar_line("verifying", 0.5, 7, 0, 0, 30), "verifying 50 %  7");
  EXPECT_EQ(bar_line("x", -1, 7, 0, 0, 80), "x 7");
  EXPECT_EQ(bar_line("waiting", 1, 1, 1, 0, 12).size(), 11U);
}

class SubmitSourceTest : public ::testing::Test {
 protected:
  std::string name_of(const std::string& content, SubmitOptions options) {
    options.file = (folder_.path() / "lines").string();
    std::ofstream(options.file, std::ios::binary) << content;
    return open_source(options).value().name;
  }

  const tests::TemporaryDirectory folder_;
};

TEST_F(SubmitSourceTest, SameBytesAndFlagsAreTheSameSubmitAndNoOthersAre) {
  SubmitOptions options;
  options.kind = "k";
  SubmitOptions other_kind = options;
  other_kind.kind = "k2";
  SubmitOptions named = options;
  named.run = "again";
  const std::string large(3'000'000, 'x');

  const auto name = name_of(large, options);

  EXPECT_TRUE(is_submit_name(name));
  EXPECT_EQ(name_of(large, options), name);
  EXPECT_NE(name_of(large + "\n", options), name);
  EXPECT_NE(name_of(large, other_kind), name);
  EXPECT_NE(name_of(large, named), name);
  EXPECT_EQ(name_of("something else", named), name_of(large, named)) << "the name says which";
}

TEST_F(SubmitSourceTest, LinesBecomeJobsWithKeysOfTheirNumbers) {
  SubmitSource source;
  source.stream = std::make_unique<std::istringstream>("{\"a\":1}\n\n[}\r\n2");
  source.name = "0123456789abcdef";
  jobs::NewJob common;
  common.kind = "k";
  SubmitLines lines(std::move(source), common, false);

  const auto first = lines.next().value();
  const auto bad = lines.next().value();
  const auto last = lines.next().value();

  ASSERT_TRUE(first && first->job && bad && last && last->job);
  EXPECT_EQ(first->job->idempotency_key, "rwpctl/0123456789abcdef/1");
  EXPECT_THAT(first->job->tags, ElementsAre("submit:0123456789abcdef"));
  EXPECT_EQ(bad->number, 3U);
  EXPECT_FALSE(bad->job.has_value());
  EXPECT_EQ(last->job->idempotency_key, "rwpctl/0123456789abcdef/4");
  EXPECT_FALSE(lines.next().value().has_value());
}

TEST_F(SubmitSourceTest, WhatCannotBeReadIsRefused) {
  SubmitOptions options;
  options.file = (folder_.path() / "absent").string();
  EXPECT_EQ(open_source(options).error().code(), Errc::not_found);
  options.file = folder_.path().string();
  EXPECT_EQ(open_source(options).error().code(), Errc::invalid_argument);
}

TEST(VerifyObjectsTest, APayloadThatWentWithItsJobIsNoDamage) {
  Runtime runtime;
  const auto schemes = builtin_schemes();
  const auto store = schemes.open<jobs::JobStore>("memory:", runtime).value();
  std::vector<std::string> found;
  const ObjectChecks checks{
      .runtime = runtime,
      .store = store,
      .objects = schemes.open<storage::ObjectStore>("memory:", runtime).value(),
      .on_finding = [&](const jobs::Finding& one) { found.push_back(one.kind); }};
  std::vector<jobs::NewJob> wanted(1);
  wanted.front().kind = "k";
  const Uuid kept = tests::run(runtime, store->insert(std::move(wanted))).value().front()->id;

  // Removed after its page had been read, as a worker does that goes on meanwhile.
  EXPECT_TRUE(check_payload(checks, {.job_id = Uuid::make_v7(), .key = "payloads/removed/00"}));
  EXPECT_THAT(found, IsEmpty());
  EXPECT_TRUE(check_payload(checks, {.job_id = kept, .key = "payloads/kept/00"}));
  EXPECT_THAT(found, ElementsAre("object_missing"));
}

}  // namespace
}  // namespace rwp::pods::ctl
