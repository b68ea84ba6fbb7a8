#pragma once

#include <rwp/core/describe.hpp>
#include <rwp/recruitment/task.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

namespace rwp::recruitment {

enum class MatchCategory : std::uint8_t {
  technical,
  domain,
  leadership,
  communication,
  team_fit,
  adaptability,
};

/// What a category's score rests upon.
enum class MatchBasis : std::uint8_t {
  rules,          ///< Facts alone.
  model,          ///< A model's judgement; in communication together with the languages asked for.
  not_judged,     ///< There was nothing to tell by; counts 50.
  nothing_asked,  ///< The advert asks for nothing of the kind; not weighed.
};

/// A: 75 and above, B: 50 and above.
enum class MatchTier : std::uint8_t { a, b, c };

/// What a model makes of one category.
struct Judgement {
  std::optional<int> score{};
  std::string reason{};

  static constexpr auto describe() {
    return std::tuple{
        field("score", &Judgement::score,
              {.description = "0 to 100; null when the CV gives nothing to judge by.",
               .minimum = 0,
               .maximum = 100}),
        field("reason", &Judgement::reason,
              {.description = "The facts of the CV that make the score, in one short sentence."})};
  }
};

/// What a model is asked about a candidate and an advert.
struct MatchAnswer {
  Judgement communication{};
  Judgement team_fit{};
  Judgement adaptability{};
  std::string summary{};

  static constexpr auto describe() {
    return std::tuple{
        field("communication", &MatchAnswer::communication,
              {.description = "Writing, presenting, teaching, negotiating, dealing with the people "
                              "that the post deals with."}),
        field("team_fit", &MatchAnswer::team_fit,
              {.description = "Collaboration and autonomy, as the post needs them."}),
        field("adaptability", &MatchAnswer::adaptability,
              {.description = "Learning, change of field or setting, progress from post to post."}),
        field("summary", &MatchAnswer::summary,
              {.description = "For the recruiter: what speaks for and against inviting this "
                              "candidate, in two or three plain sentences."})};
  }
};

struct CategoryScore {
  MatchCategory category = MatchCategory::technical;
  /// 0 to 100; none: not weighed.
  std::optional<int> score{};
  /// As it was weighed; those of all categories sum to 1.
  double weight = 0;
  MatchBasis basis = MatchBasis::nothing_asked;
  std::vector<std::string> reasons{};

  static constexpr auto describe() {
    return std::tuple{field("category", &CategoryScore::category),
                      field("score", &CategoryScore::score, {.minimum = 0, .maximum = 100}),
                      field("weight", &CategoryScore::weight),
                      field("basis", &CategoryScore::basis),
                      field("reasons", &CategoryScore::reasons)};
  }
};

/// How well a candidate fits an advert.
struct Match {
  using Answer = MatchAnswer;

  std::string candidate_id{};
  std::string ad_id{};
  /// 0 to 100.
  int score = 0;
  MatchTier tier = MatchTier::c;
  std::string summary{};
  /// Of all categories, what weighs most first.
  std::vector<std::string> reasons{};
  std::vector<CategoryScore> categories{};
  /// Of the skills that the advert asks for.
  std::vector<std::string> matched_skills{};
  std::vector<std::string> missing_skills{};
  std::optional<double> similarity{};
  Provenance provenance{};

  static constexpr auto describe() {
    return std::tuple{field("candidate_id", &Match::candidate_id),
                      field("ad_id", &Match::ad_id),
                      field("score", &Match::score, {.minimum = 0, .maximum = 100}),
                      field("tier", &Match::tier),
                      field("summary", &Match::summary),
                      field("reasons", &Match::reasons),
                      field("categories", &Match::categories),
                      field("matched_skills", &Match::matched_skills),
                      field("missing_skills", &Match::missing_skills),
                      field("similarity", &Match::similarity),
                      field("provenance", &Match::provenance)};
  }
};

}  // namespace rwp::recruitment

namespace rwp {

template <>
struct DescribeEnum<recruitment::MatchCategory> {
  using T = recruitment::MatchCategory;
  static constexpr std::array<std::pair<T, std::string_view>, 6> values = {{
      {T::technical, "technical"},
      {T::domain, "domain"},
      {T::leadership, "leadership"},
      {T::communication, "communication"},
      {T::team_fit, "team_fit"},
      {T::adaptability, "adaptability"},
  }};
};

template <>
struct DescribeEnum<recruitment::MatchBasis> {
  using T = recruitment::MatchBasis;
  static constexpr std::array<std::pair<T, std::string_view>, 4> values = {{
      {T::rules, "rules"},
      {T::model, "model"},
      {T::not_judged, "not_judged"},
      {T::nothing_asked, "nothing_asked"},
  }};
};

template <>
struct DescribeEnum<recruitment::MatchTier> {
  using T = recruitment::MatchTier;
  static constexpr std::array<std::pair<T, std::string_view>, 3> values = {{
      {T::a, "A"},
      {T::b, "B"},
      {T::c, "C"},
  }};
};

}  // namespace rwp
