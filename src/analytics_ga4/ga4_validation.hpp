#pragma once

#include <rwp/core/error.hpp>

#include <string>

namespace rwp::analytics {

/// Reads what `/debug/mp/collect` answered. `Errc::invalid_argument`: the collector finds fault
/// with the events; the message has its codes, paths and words. `Errc::unsupported`: it is no such
/// answer.
Result<void> judge_ga4_validation(const std::string& body);

}  // namespace rwp::analytics
