#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/json_view.hpp>

namespace rwp::pods {

/// Whether a client's JSON Schema may be used here. A schema from outside can be written so that
/// judging an answer by it takes exponential time; what could do that is refused: regular
/// expressions (`pattern`, `patternProperties`), references that lead back to themselves, and
/// schemas of more than 2,000 parts once their references are followed.
/// `Errc::invalid_argument`: no JSON Schema; `Errc::unsupported`: one of the above. The message
/// names the place.
Result<void> check_client_schema(JsonView schema);

}  // namespace rwp::pods
