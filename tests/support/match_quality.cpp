#include "support/match_quality.hpp"

#include "support/candidate_samples.hpp"
#include "support/run.hpp"
#include <rwp/recruitment/enrich.hpp>
#include <rwp/recruitment/match.hpp>
#include <rwp/recruitment/parse.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <numeric>
#include <regex>

namespace rwp::tests {
namespace {

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return text;
}

/// Every so many of a list, so that `most` are left.
std::vector<std::size_t> thinned(const std::vector<std::size_t>& all, std::size_t most) {
  if (all.size() <= most) return all;
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < most; ++i) kept.push_back(all[i * all.size() / most]);
  return kept;
}

class Scorer {
 public:
  Scorer(Runtime& runtime, std::shared_ptr<ai::Model> model,
         const std::vector<recruitment::JobAd>& adverts)
      : runtime_(runtime), model_(std::move(model)), adverts_(adverts) {}

  std::vector<int> scores(const recruitment::Candidate& candidate,
                          const std::vector<std::size_t>& which) {
    std::vector<int> all;
    for (const auto index : which) {
      const auto match =
          run(runtime_, recruitment::score_match(model_, candidate, enriched(index)));
      if (!match) {
        ADD_FAILURE() << adverts_[index].id << ": " << match.error().message();
        continue;
      }
      all.push_back(match->score);
    }
    return all;
  }

 private:
  const recruitment::AdRecord& enriched(std::size_t index) {
    auto [entry, fresh] = records_.try_emplace(index);
    if (fresh) {
      entry->second.ad = adverts_[index];
      auto found = run(runtime_, recruitment::enrich(model_, adverts_[index]));
      if (found) entry->second.enriched = std::move(*found);
      if (!found) ADD_FAILURE() << adverts_[index].id << ": " << found.error().message();
    }
    return entry->second;
  }

  Runtime& runtime_;
  const std::shared_ptr<ai::Model> model_;
  const std::vector<recruitment::JobAd>& adverts_;
  std::map<std::size_t, recruitment::AdRecord> records_;
};

double mean(const std::vector<int>& scores) {
  if (scores.empty()) return 0.0;
  return std::accumulate(scores.begin(), scores.end(), 0.0) / static_cast<double>(scores.size());
}

}  // namespace

std::string MatchQuality::summary() const {
  std::array<char, 256> text{};
  std::snprintf(text.data(), text.size(),
                "fitting: %zu pairs, mean score %.1f; others: %zu pairs, mean %.1f; AUC %.3f; a "
                "fitting advert first for %zu of %zu candidates",
                fitting.size(), mean(fitting), others.size(), mean(others), auc, with_fitting_first,
                candidates);
  return text.data();
}

MatchQuality measure_matches(Runtime& runtime, std::shared_ptr<ai::Model> model,
                             const std::vector<recruitment::JobAd>& adverts,
                             std::size_t most_fitting, std::size_t most_others,
                             const std::string& split) {
  MatchQuality quality;
  Scorer scorer(runtime, model, adverts);
  double won = 0.0;
  double pairs = 0.0;
  for (const auto& sample : candidate_samples()) {
    if (!split.empty() && sample.expected.split != split) continue;
    const std::regex fits(sample.expected.fits);
    std::vector<std::size_t> fitting;
    std::vector<std::size_t> others;
    for (std::size_t i = 0; i < adverts.size(); ++i) {
      (std::regex_search(lower(adverts[i].title), fits) ? fitting : others).push_back(i);
    }
    if (fitting.empty()) continue;
    recruitment::CandidateText source;
    source.id = sample.name;
    source.text = sample.text;
    source.as_of = sample.expected.as_of;
    const auto candidate = run(runtime, recruitment::parse_candidate(model, std::move(source)));
    if (!candidate) {
      ADD_FAILURE() << sample.name << ": " << candidate.error().message();
      continue;
    }
    const auto high = scorer.scores(*candidate, thinned(fitting, most_fitting));
    const auto low = scorer.scores(*candidate, thinned(others, most_others));
    // Each candidate weighs the same, however many adverts fit.
    double own = 0.0;
    for (const int fit : high) {
      for (const int other : low) own += fit > other ? 1.0 : fit == other ? 0.5 : 0.0;
    }
    won += own / static_cast<double>(high.size() * low.size());
    pairs += 1.0;
    ++quality.candidates;
    const bool first =
        *std::max_element(high.begin(), high.end()) > *std::max_element(low.begin(), low.end());
    quality.with_fitting_first += first ? 1 : 0;
    quality.fitting.insert(quality.fitting.end(), high.begin(), high.end());
    quality.others.insert(quality.others.end(), low.begin(), low.end());
  }
  quality.auc = pairs > 0.0 ? won / pairs : 0.0;
  return quality;
}

}  // namespace rwp::tests
