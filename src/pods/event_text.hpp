#pragma once

#include <string>
#include <string_view>

namespace rwp::pods {

/// The first characters of `text`, as many as an event's parameter takes.
std::string parameter_text(std::string_view text);

/// Names somebody in events without telling who it is: the first digits of a hash of the id, with
/// the tenant's name, so that the same id of two tenants is not one.
std::string pseudonym(std::string_view tenant, std::string_view id);

}  // namespace rwp::pods
