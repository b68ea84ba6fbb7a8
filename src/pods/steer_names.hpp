#pragma once

#include <rwp/jobs/requests.hpp>

#include <string_view>

/// Outcomes by the names that the API answers.
namespace rwp::pods {

std::string_view outcome_name(jobs::CancelOutcome outcome);
std::string_view outcome_name(jobs::Inserted::Outcome outcome);

}  // namespace rwp::pods
