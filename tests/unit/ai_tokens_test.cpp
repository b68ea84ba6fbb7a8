#include <rwp/ai/token_estimate.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/core/json_view.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <string>
#include <vector>

namespace rwp::ai {
namespace {

/// What o200k_base makes of the descriptions in examples/data/job_ads.jsonl, line by line; counted
/// once with the npm package gpt-tokenizer 4.0.0.
constexpr std::array<int, 72> kTrueCounts = {
    367, 97,  184, 202, 66,  227, 185, 208, 195, 212, 234, 197, 203, 104, 192, 217, 58,  192,
    192, 210, 431, 208, 225, 173, 206, 51,  76,  217, 207, 415, 209, 78,  401, 36,  75,  222,
    203, 204, 214, 179, 192, 197, 187, 71,  463, 186, 233, 100, 367, 600, 213, 171, 188, 95,
    196, 483, 185, 214, 179, 191, 187, 172, 390, 204, 46,  177, 228, 202, 197, 238, 166, 213};

std::vector<std::string> sample_descriptions() {
  std::ifstream file(RWP_EXAMPLES_DIR "/data/job_ads.jsonl");
  std::vector<std::string> texts;
  for (std::string line; std::getline(file, line);) {
    const JsonDocument advert(JsonText::parse(line).value());
    texts.emplace_back(advert.root().find("description")->as_string().value());
  }
  return texts;
}

TEST(TokenEstimateTest, IsNearTheTrueCountsOfAdvertsAndNeverBelowTheBound) {
  const auto texts = sample_descriptions();
  ASSERT_EQ(texts.size(), kTrueCounts.size());
  double errors = 0;
  double expected = 0;
  double counted = 0;
  double bound = 0;

  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto estimate = estimate_tokens(texts[i]);
    const double truth = kTrueCounts.at(i);
    expected += static_cast<double>(estimate.expected);
    counted += truth;
    errors += std::abs(static_cast<double>(estimate.expected) / truth - 1);
    EXPECT_GE(estimate.at_most, kTrueCounts.at(i)) << "advert " << i;
    bound += static_cast<double>(estimate.at_most);
  }

  EXPECT_LT(errors / static_cast<double>(texts.size()), 0.05);
  EXPECT_LT(std::abs(expected / counted - 1), 0.03);
  EXPECT_LT(bound / counted, 1.3);
}

TEST(TokenEstimateTest, BoundHoldsForOtherScriptsAndForKeys) {
  // Counts of o200k_base and cl100k_base; the larger of the two.
  const std::vector<std::pair<std::string, int>> counted = {
      {"Die Straße führt über die Brücke zur Universität, wo der Gebäudereinigungsdienst arbeitet.",
       29},
      {"Старший инженер по разработке программного обеспечения в Москве, опыт работы не менее пяти "
       "лет.",
       39},
      {"我们正在寻找一位有经验的软件工程师加入我们的团队，负责后端系统的开发。", 35},
      {"経験豊富なソフトウェアエンジニアを募集しています。", 29},
      {"경험이 풍부한 소프트웨어 엔지니어를 찾고 있습니다", 28},
      {"हम एक अनुभवी सॉफ्टवेयर इंजीनियर की तलाश में हैं", 50},
      {"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", 43},
      {"SGVsbG8gd29ybGQgdGhpcyBpcyBhIHRlc3QgMTIzNDU2Nzg5MA==", 38},
  };
  for (const auto& [text, count] : counted) {
    EXPECT_GE(estimate_tokens(text).at_most, count) << text;
  }
}

TEST(TokenEstimateTest, NothingIsNothingAndNoTextHasMoreTokensThanBytes) {
  EXPECT_EQ(estimate_tokens("").expected, 0);
  EXPECT_EQ(estimate_tokens("").at_most, 0);
  EXPECT_LE(estimate_tokens("a").at_most, 1);
  EXPECT_LE(estimate_tokens("\xff\xfe").at_most, 2);
}

TEST(TokenEstimateTest, SchemaAndEachMessageCount) {
  ChatRequest request;
  request.messages.push_back({Role::user, "Which skills does the advert ask for?"});
  const auto plain = estimate_input(request);
  EXPECT_GT(plain.expected, estimate_tokens(request.messages[0].content).expected);

  OutputSchema schema;
  schema.name = "answer";
  schema.schema = JsonText::trusted(R"({"type":"object","properties":{"skills":{}}})");
  request.output_schema = schema;

  EXPECT_GT(estimate_input(request).at_most, plain.at_most);
}

}  // namespace
}  // namespace rwp::ai
