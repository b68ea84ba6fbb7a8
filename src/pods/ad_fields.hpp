#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/recruitment/job_ad.hpp>

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace rwp::pods {

/// The fields of an advert as texts, whatever form it came in; absent ones are empty.
using AdTexts = std::map<std::string, std::string, std::less<>>;

/// Our name for a column or member: "Job Title" is "title"; empty for one that we do not read.
std::string_view ad_field_name(std::string_view foreign);

/// From a JSON object with our names, or a schema.org JobPosting (JSON-LD, with HTML as found in
/// the wild). `Errc::invalid_argument` tells what is wrong.
Result<AdTexts> ad_texts_from_json(JsonView json);

/// Checks and converts. An advert without an id gets one from its content.
/// `Errc::invalid_argument` names the field and the rule it breaks.
Result<recruitment::JobAd> ad_from_texts(AdTexts texts);

/// HTML as text: tags gone, block ends as line breaks, items as "- ", entities resolved (twice
/// where they were escaped twice). Other text stays as it is.
std::string text_of_html(std::string_view html);
/// Only the entities resolved, once: "R&amp;D" is "R&D".
std::string resolve_entities(std::string_view text);

}  // namespace rwp::pods
