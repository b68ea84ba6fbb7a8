#pragma once

#include <rwp/core/describe.hpp>

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

/// The closed sets of words in which adverts are described.
namespace rwp::recruitment {

/// In rising order.
enum class Seniority : std::uint8_t {
  intern,
  apprentice,
  junior,
  mid,
  senior,
  lead,
  manager,
  director,
  executive,
};

enum class EmploymentType : std::uint8_t {
  full_time,
  part_time,
  contract,
  temporary,
  internship,
  apprenticeship,
  volunteer,
};

enum class PayPeriod : std::uint8_t { hour, day, week, month, year };

enum class WorkPlace : std::uint8_t { on_site, hybrid, remote };

}  // namespace rwp::recruitment

namespace rwp {

template <>
struct DescribeEnum<recruitment::Seniority> {
  using T = recruitment::Seniority;
  static constexpr std::array<std::pair<T, std::string_view>, 9> values = {{
      {T::intern, "intern"},
      {T::apprentice, "apprentice"},
      {T::junior, "junior"},
      {T::mid, "mid"},
      {T::senior, "senior"},
      {T::lead, "lead"},
      {T::manager, "manager"},
      {T::director, "director"},
      {T::executive, "executive"},
  }};
};

template <>
struct DescribeEnum<recruitment::EmploymentType> {
  using T = recruitment::EmploymentType;
  static constexpr std::array<std::pair<T, std::string_view>, 7> values = {{
      {T::full_time, "full_time"},
      {T::part_time, "part_time"},
      {T::contract, "contract"},
      {T::temporary, "temporary"},
      {T::internship, "internship"},
      {T::apprenticeship, "apprenticeship"},
      {T::volunteer, "volunteer"},
  }};
};

template <>
struct DescribeEnum<recruitment::PayPeriod> {
  using T = recruitment::PayPeriod;
  static constexpr std::array<std::pair<T, std::string_view>, 5> values = {{
      {T::hour, "hour"},
      {T::day, "day"},
      {T::week, "week"},
      {T::month, "month"},
      {T::year, "year"},
  }};
};

template <>
struct DescribeEnum<recruitment::WorkPlace> {
  using T = recruitment::WorkPlace;
  static constexpr std::array<std::pair<T, std::string_view>, 3> values = {{
      {T::on_site, "on_site"},
      {T::hybrid, "hybrid"},
      {T::remote, "remote"},
  }};
};

}  // namespace rwp
