#include "support/match_quality.hpp"

#include "support/candidate_samples.hpp"
#include <rwp/ai_local/local_model.hpp>
#include <rwp/core/runtime.hpp>

#include <gtest/gtest.h>

#include <cstdio>

namespace rwp::tests {
namespace {

TEST(MatchQualityTest, FittingAdvertsScoreAboveOthers) {
  Runtime runtime;
  const auto adverts = read_adverts(std::string(RWP_EXAMPLES_DATA) + "/job_ads.jsonl");

  const auto quality = measure_matches(runtime, ai_local::make_local_model(), adverts, 4, 12);

  std::printf("%s\n", quality.summary().c_str());
  EXPECT_GE(quality.candidates, 25U);
  EXPECT_GE(quality.auc, 0.9);
}

}  // namespace
}  // namespace rwp::tests
