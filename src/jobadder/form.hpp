#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rwp::jobadder {

using Parameters = std::vector<std::pair<std::string, std::string>>;

/// `a=1&b=2`, everything but unreserved characters as %XX: fit for a query and a form.
std::string encode_form(const Parameters& parameters);
std::string encode_component(std::string_view text);

}  // namespace rwp::jobadder
