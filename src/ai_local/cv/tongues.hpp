#pragma once

#include <string_view>
#include <vector>

namespace rwp::ai_local {

/// The English names of the languages that the folded piece names in any of the languages that CVs
/// come in, as the dictionary of skills calls them: "français" is "French".
std::vector<std::string_view> find_tongues(std::string_view folded);

}  // namespace rwp::ai_local
