// Runs Debian's json-schema-test-suite (draft 7, without the optional parts).
#include <rwp/ai/json_schema.hpp>
#include <rwp/core/json_view.hpp>

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace rwp::ai {
namespace {

const std::filesystem::path kSuite = "/usr/share/json-schema-test-suite/tests/draft7";

/// Files in which some cases are known to fail, and how many: all of them refer to other documents
/// or by an absolute URI, which JsonSchema refuses on purpose.
const std::map<std::string, int>& known_failures() {
  static const std::map<std::string, int> known = {
      {"definitions.json", 2}, {"ref.json", 4}, {"refRemote.json", 15}};
  return known;
}

/// Of 423 cases in the package's version 2.0.0.
constexpr double kLeastShare = 0.95;

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

struct Tally {
  int passed = 0;
  int failed = 0;
};

Tally run_file(const std::filesystem::path& path, std::vector<std::string>& failures) {
  Tally tally;
  const JsonDocument groups(JsonText::trusted(read(path)));
  for (std::size_t g = 0; g < groups.root().size(); ++g) {
    const auto group = groups.root().at(g);
    const auto schema = JsonSchema::compile(group.find("schema")->text());
    const auto cases = *group.find("tests");
    for (std::size_t c = 0; c < cases.size(); ++c) {
      const auto one = cases.at(c);
      const bool expected = *one.find("valid")->as_bool();
      const bool passed = schema && schema->validate(*one.find("data")).has_value() == expected;
      ++(passed ? tally.passed : tally.failed);
      if (!passed) {
        failures.push_back(path.filename().string() + ": " +
                           std::string(*group.find("description")->as_string()) + " / " +
                           std::string(*one.find("description")->as_string()) +
                           (schema ? "" : " (" + schema.error().message() + ")"));
      }
    }
  }
  return tally;
}

TEST(JsonSchemaSuiteTest, Draft7PassesButForTheKnownCases) {
  if (!std::filesystem::is_directory(kSuite)) {
    GTEST_SKIP() << "package json-schema-test-suite is not installed";
  }
  Tally total;
  std::vector<std::string> failures;
  for (const auto& entry : std::filesystem::directory_iterator(kSuite)) {
    if (entry.path().extension() != ".json") continue;
    const auto tally = run_file(entry.path(), failures);
    total.passed += tally.passed;
    total.failed += tally.failed;
    const auto known = known_failures().find(entry.path().filename().string());
    EXPECT_LE(tally.failed, known == known_failures().end() ? 0 : known->second) << entry.path();
  }
  for (const auto& failure : failures) std::printf("known to fail: %s\n", failure.c_str());
  std::printf("draft 7: %d of %d cases pass\n", total.passed, total.passed + total.failed);
  EXPECT_GE(total.passed, kLeastShare * (total.passed + total.failed));
  EXPECT_GT(total.passed, 0);
}

}  // namespace
}  // namespace rwp::ai
