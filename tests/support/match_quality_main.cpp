// Measures match.score on adverts of your own, as docs/recruitment.md reports it:
//   match_quality ADVERTS.jsonl [MOST_FITTING MOST_OTHERS]
#include "support/candidate_samples.hpp"
#include "support/match_quality.hpp"
#include <rwp/ai_local/local_model.hpp>
#include <rwp/core/runtime.hpp>

#include <cstdio>
#include <cstdlib>

int main(int argc, char** argv) {
  if (argc != 2 && argc != 4) {
    std::fprintf(stderr, "usage: match_quality ADVERTS.jsonl [MOST_FITTING MOST_OTHERS]\n");
    return 2;
  }
  const auto most_fitting = argc == 4 ? std::strtoul(argv[2], nullptr, 10) : 20U;
  const auto most_others = argc == 4 ? std::strtoul(argv[3], nullptr, 10) : 40U;
  rwp::Runtime runtime;
  const auto model = rwp::ai_local::make_local_model();
  const auto adverts = rwp::tests::read_adverts(argv[1]);
  for (const char* split : {"tune", "held_out"}) {
    const auto quality =
        rwp::tests::measure_matches(runtime, model, adverts, most_fitting, most_others, split);
    std::printf("%-9s %s\n", split, quality.summary().c_str());
  }
}
