#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/core/error.hpp>
#include <rwp/recruitment/enriched_ad.hpp>
#include <rwp/recruitment/job_ad.hpp>
#include <rwp/recruitment/task.hpp>

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>
#include <string_view>

namespace rwp::recruitment {

/// The description of "job_ad.enrich"; a constant of the program.
const Task<JobAd, EnrichedAd>& job_ad_enrich_task();

/// Finds out what an advert says: summary, skills, seniority, pay, quality and more.
///
/// What the advert states in its own fields (pay, employment type, location) stands; of the model's
/// answer, what cannot be is left out or put right: bounds of pay in order and plausible for their
/// period, known currencies, a score from 0 to 100, no name twice, and as off-putting only wording
/// that the advert really has.
/// Errors: `Errc::invalid_argument`: no title or no description; otherwise as ai::extract().
boost::asio::awaitable<Result<EnrichedAd>> enrich(std::shared_ptr<ai::Model> model, JobAd ad,
                                                  CallOptions options = CallOptions());

/// Makes the enrichment of the advert from a model's answer, by the rules of enrich().
EnrichedAd settle_answer(const JobAd& ad, AdAnswer answer, Provenance provenance);

/// Where an advert's AdRecord lies in an object store: "enriched/<id>.json". Ids with other
/// characters than letters, digits, . - and _, or too long ones, get a hash in their name, so that
/// different ids never share a key.
std::string enriched_key(std::string_view ad_id);

}  // namespace rwp::recruitment
