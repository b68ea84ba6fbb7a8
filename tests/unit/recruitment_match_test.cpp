#include "support/run.hpp"
#include <rwp/core/runtime.hpp>
#include <rwp/recruitment/match.hpp>
#include <rwp/testing/scripted_model.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>

namespace rwp::recruitment {
namespace {

Candidate nurse() {
  Candidate candidate;
  candidate.candidate_id = "cv-1";
  candidate.name = "Jane Secret";
  candidate.emails = {"jane@secret.example"};
  candidate.headline = "Staff Nurse";
  candidate.seniority = Seniority::mid;
  candidate.years_experience = 6.0;
  candidate.skills = {{"Wound care", "domain", SkillLevel::expert},
                      {"SystmOne", "tools", std::nullopt},
                      {"German", "languages", SkillLevel::advanced}};
  candidate.experience.push_back({.title = "Staff Nurse", .company = "St Anne's", .start = "2019"});
  return candidate;
}

AdRecord advert() {
  AdRecord record;
  record.ad.id = "ad-1";
  record.ad.title = "Registered Nurse - Orthopaedic Ward";
  record.ad.description = "Care for patients after surgery.";
  record.enriched.ad_id = "ad-1";
  record.enriched.skills = {{"Wound care", "domain"}, {"SystmOne", "tools"}, {"EMIS", "tools"}};
  record.enriched.seniority = Seniority::mid;
  record.enriched.years_experience = 2.0;
  return record;
}

MatchAnswer judged(int score) {
  MatchAnswer answer;
  answer.communication = {score, "Teaches students."};
  answer.team_fit = {score, "Works in a team."};
  answer.adaptability = {score, "Has changed wards."};
  answer.summary = "Fits.";
  return answer;
}

const CategoryScore& category(const Match& match, MatchCategory wanted) {
  return *std::find_if(match.categories.begin(), match.categories.end(),
                       [&](const CategoryScore& one) { return one.category == wanted; });
}

class MatchTest : public ::testing::Test {
 protected:
  Result<Match> score(Candidate candidate, AdRecord ad) {
    return tests::run(runtime_, score_match(model_, std::move(candidate), std::move(ad)));
  }

  Runtime runtime_;
  std::shared_ptr<testing::ScriptedModel> model_ = std::make_shared<testing::ScriptedModel>("m-1");
};

TEST_F(MatchTest, ModelSeesNeitherNameNorContact) {
  model_->answer(encode(judged(70)).release());
  model_->embed_with([](const ai::EmbedRequest&) -> Result<ai::EmbedReply> {
    ai::EmbedReply reply;
    reply.vectors = {{1.0F, 0.0F}, {0.6F, 0.8F}};
    return reply;
  });

  auto named = nurse();
  named.headline = "Jane Secret, Staff Nurse";
  named.summary = "Jane Secret nurses; write to jane@secret.example.";
  named.experience[0].summary = "There Jane Secret led a ward.";

  const auto match = score(named, advert());

  ASSERT_TRUE(match.has_value()) << match.error().message();
  EXPECT_NEAR(match->similarity.value(), 0.6, 1e-6);
  EXPECT_EQ(match->provenance.prompt, "match.score/1");
  std::string seen;
  for (const auto& message : model_->chat_requests().at(0).messages) seen += message.content;
  for (const auto& input : model_->embed_requests().at(0).inputs) seen += input;
  EXPECT_EQ(seen.find("Secret"), std::string::npos);
  EXPECT_EQ(seen.find("secret.example"), std::string::npos);
  EXPECT_NE(seen.find("Staff Nurse"), std::string::npos);
}

// Each word of one title is compared with each of another.
TEST_F(MatchTest, TitleOfManyWordsIsComparedWithinTheGuard) {
  std::string endless;
  for (int i = 0; i < 17'576; ++i) {
    for (const int letter : {i / 676, i / 26 % 26, i % 26}) {
      endless += static_cast<char>('a' + letter);
    }
    endless += ' ';
  }
  auto candidate = nurse();
  candidate.experience.assign(20, {.title = endless});
  auto ad = advert();
  ad.ad.title = endless;
  model_->answer(encode(judged(70)).release());

  const auto begun = std::chrono::steady_clock::now();
  EXPECT_TRUE(score(candidate, ad).has_value());
  EXPECT_LT(std::chrono::steady_clock::now() - begun, tests::kGuard);
}

TEST_F(MatchTest, WithoutEmbeddingsTheLikenessIsNotKnown) {
  model_->answer(encode(judged(70)).release());

  const auto match = score(nurse(), advert());

  ASSERT_TRUE(match.has_value()) << match.error().message();
  EXPECT_FALSE(match->similarity.has_value());
}

TEST_F(MatchTest, FailureOfTheEmbeddingIsPassedOn) {
  model_->embed_with([](const ai::EmbedRequest&) -> Result<ai::EmbedReply> {
    return Error(Errc::rate_limited, "busy");
  });

  EXPECT_EQ(score(nurse(), advert()).error().code(), Errc::rate_limited);
}

TEST_F(MatchTest, NothingToCompareCostsNoCall) {
  auto untitled = advert();
  untitled.ad.title = " ";

  EXPECT_EQ(score(nurse(), untitled).error().code(), Errc::invalid_argument);
  EXPECT_EQ(score(Candidate(), advert()).error().code(), Errc::invalid_argument);
  EXPECT_TRUE(model_->chat_requests().empty());
  EXPECT_TRUE(model_->embed_requests().empty());
}

TEST(SettleMatchTest, ScoreIsTheWeightedMeanOfTheCategories) {
  const auto match = settle_match({nurse(), advert(), 0.55}, judged(60), Provenance());

  double sum = 0;
  double weights = 0;
  for (const auto& one : match.categories) {
    ASSERT_TRUE(one.score.has_value());
    sum += one.weight * *one.score;
    weights += one.weight;
  }
  EXPECT_NEAR(weights, 1.0, 1e-9);
  EXPECT_NEAR(match.score, sum, 0.51);
  EXPECT_EQ(category(match, MatchCategory::technical).basis, MatchBasis::rules);
  EXPECT_EQ(category(match, MatchCategory::team_fit).basis, MatchBasis::model);
}

TEST(SettleMatchTest, ReasonsNameTheFacts) {
  const auto match = settle_match({nurse(), advert(), std::nullopt}, judged(60), Provenance());

  const auto named = [&](const std::string& words) {
    return std::any_of(match.reasons.begin(), match.reasons.end(), [&](const std::string& reason) {
      return reason.find(words) != std::string::npos;
    });
  };
  EXPECT_TRUE(named("SystmOne"));
  EXPECT_TRUE(named("Does not name skills asked for: EMIS"));
  EXPECT_TRUE(named("At least 2 years are asked for, the CV shows 6."));
  EXPECT_EQ(match.matched_skills, (std::vector<std::string>{"Wound care", "SystmOne"}));
  EXPECT_EQ(match.missing_skills, std::vector<std::string>{"EMIS"});
}

TEST(SettleMatchTest, WhatTheAdvertDoesNotAskIsNotWeighed) {
  auto plain = advert();
  plain.enriched.skills.clear();
  plain.enriched.seniority.reset();
  plain.enriched.years_experience.reset();

  const auto match = settle_match({nurse(), plain, 0.55}, judged(100), Provenance());

  EXPECT_EQ(category(match, MatchCategory::technical).basis, MatchBasis::nothing_asked);
  EXPECT_FALSE(category(match, MatchCategory::technical).score.has_value());
  EXPECT_EQ(category(match, MatchCategory::leadership).basis, MatchBasis::nothing_asked);
  EXPECT_NEAR(category(match, MatchCategory::domain).weight, 0.65, 1e-9);
}

TEST(SettleMatchTest, WhatTheModelCannotJudgeCountsFiftyAndSaysSo) {
  const auto match = settle_match({nurse(), advert(), std::nullopt}, MatchAnswer(), Provenance());

  const auto& team = category(match, MatchCategory::team_fit);
  EXPECT_EQ(team.basis, MatchBasis::not_judged);
  EXPECT_EQ(team.score, 50);
  ASSERT_EQ(team.reasons.size(), 1U);
}

TEST(SettleMatchTest, LanguagesThatAreAskedForAreAFact) {
  auto german = advert();
  german.enriched.skills.push_back({"German", "languages"});
  auto without = nurse();
  without.skills.pop_back();

  const auto with = settle_match({nurse(), german, std::nullopt}, judged(60), Provenance());
  const auto lacks = settle_match({without, german, std::nullopt}, judged(60), Provenance());

  EXPECT_EQ(category(with, MatchCategory::communication).score, 80);
  EXPECT_EQ(category(lacks, MatchCategory::communication).score, 30);
}

TEST(SettleMatchTest, OneWhoDoesTheWorkScoresAboveAStranger) {
  Candidate driver;
  driver.headline = "HGV Driver";
  driver.skills = {{"HGV driving", "domain", std::nullopt}};
  driver.experience.push_back({.title = "HGV Driver"});

  const auto fit = settle_match({nurse(), advert(), 0.4}, judged(60), Provenance());
  const auto stranger = settle_match({driver, advert(), 0.1}, judged(60), Provenance());

  EXPECT_GT(fit.score, stranger.score + 20);
  EXPECT_EQ(stranger.tier, MatchTier::c);
}

TEST(SettleMatchTest, SameInputGivesTheSameMatch) {
  const Pairing pairing{nurse(), advert(), 0.3};

  EXPECT_EQ(encode(settle_match(pairing, judged(60), Provenance())),
            encode(settle_match(pairing, judged(60), Provenance())));
}

}  // namespace
}  // namespace rwp::recruitment
