#pragma once

#include <rwp/core/describe.hpp>

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

/// The closed sets of words in which candidates are described, beside those of adverts
/// (rwp/recruitment/ad_terms.hpp).
namespace rwp::recruitment {

/// In rising order. Languages too: A1 and A2 are beginner, B1 and B2 intermediate, C1 advanced, C2
/// and mother tongues expert.
enum class SkillLevel : std::uint8_t { beginner, intermediate, advanced, expert };

/// In rising order. `diploma` is what lies between school and a first degree: vocational and
/// professional diplomas, apprenticeships.
enum class EducationLevel : std::uint8_t { secondary, diploma, bachelor, master, doctorate };

}  // namespace rwp::recruitment

namespace rwp {

template <>
struct DescribeEnum<recruitment::SkillLevel> {
  using T = recruitment::SkillLevel;
  static constexpr std::array<std::pair<T, std::string_view>, 4> values = {{
      {T::beginner, "beginner"},
      {T::intermediate, "intermediate"},
      {T::advanced, "advanced"},
      {T::expert, "expert"},
  }};
};

template <>
struct DescribeEnum<recruitment::EducationLevel> {
  using T = recruitment::EducationLevel;
  static constexpr std::array<std::pair<T, std::string_view>, 5> values = {{
      {T::secondary, "secondary"},
      {T::diploma, "diploma"},
      {T::bachelor, "bachelor"},
      {T::master, "master"},
      {T::doctorate, "doctorate"},
  }};
};

}  // namespace rwp
