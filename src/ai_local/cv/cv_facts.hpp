#pragma once

#include "ai_local/cv/cv.hpp"
#include "ai_local/fact.hpp"

#include <string_view>

namespace rwp::ai_local {

/// Whether a property name in snake case is one of a CV's; `fact` is then what the CV says, which
/// may be nothing.
bool find_cv_fact(const Cv& cv, std::string_view wanted, MaybeFact& fact);

}  // namespace rwp::ai_local
