#pragma once

#include <rwp/recruitment/enriched_ad.hpp>
#include <rwp/recruitment/job_ad.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace rwp::recruitment {

/// The code in capitals when it is one of ISO 4217; empty otherwise.
std::string known_currency(std::string_view code);

/// The pay to record: as the advert's own fields state it; where they state none, or something that
/// cannot be ("160 a year"), as the model read it; none when neither is plausible.
std::optional<Salary> settle_salary(const JobAd& ad, std::optional<Salary> answered);

}  // namespace rwp::recruitment
