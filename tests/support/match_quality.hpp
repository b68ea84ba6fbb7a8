#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/recruitment/job_ad.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace rwp::tests {

/// How well scores tell the adverts that somebody fits from others.
struct MatchQuality {
  std::vector<int> fitting{};
  std::vector<int> others{};
  /// Of the pairs of a fitting and another advert of one candidate: the share in which the fitting
  /// one scores higher, a tie counting half. 0.5 is chance, 1 is never wrong.
  double auc = 0;
  /// Of the candidates with a fitting advert: how many have one at the top.
  std::size_t candidates = 0;
  std::size_t with_fitting_first = 0;

  std::string summary() const;
};

/// Scores the sample candidates of examples/data (or of `split` alone) against adverts whose titles
/// they fit, `most_fitting` at most, and others, `most_others` at most, evenly over the list.
MatchQuality measure_matches(Runtime& runtime, std::shared_ptr<ai::Model> model,
                             const std::vector<recruitment::JobAd>& adverts,
                             std::size_t most_fitting, std::size_t most_others,
                             const std::string& split = std::string());

}  // namespace rwp::tests
