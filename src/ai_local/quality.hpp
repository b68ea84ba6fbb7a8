#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::ai_local {

struct WordedText;

/// What the score is made of, gathered by the analysis.
struct QualityInput {
  std::string_view title{};
  std::string_view folded_body{};
  const WordedText* text = nullptr;
  bool has_salary = false;
  bool has_location = false;
  bool has_employment_type = false;
  std::size_t skills = 0;
  std::size_t off_putting = 0;
};

/// How well an advertisement tells candidates what they want to know.
struct Quality {
  /// 0 to 100.
  int score = 0;
  /// What cost points and how to mend it, dearest first; then what is good.
  std::vector<std::string> reasons{};
};

Quality judge_quality(const QualityInput& input);

}  // namespace rwp::ai_local
