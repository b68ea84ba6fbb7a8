#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/core/error.hpp>
#include <rwp/recruitment/candidate.hpp>
#include <rwp/recruitment/enriched_ad.hpp>
#include <rwp/recruitment/match_result.hpp>
#include <rwp/recruitment/task.hpp>

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <optional>

namespace rwp::recruitment {

/// Somebody and an advert, to be held against each other.
struct Pairing {
  Candidate candidate{};
  AdRecord ad{};
  /// How alike the embeddings of the two are, -1 to 1; none: not known. score_match() sets it.
  std::optional<double> similarity{};
};

/// The description of "match.score"; a constant of the program.
const Task<Pairing, Match>& match_score_task();

/// Says how well a candidate fits an advert, 0 to 100, and why.
///
/// Six categories are weighed: technical .25, domain .25, leadership .15, communication .15, team
/// fit .10, adaptability .10. Technical, domain and leadership follow from rules alone: skills that
/// the advert asks for and the candidate has, titles, likeness of the embeddings, level, years; the
/// same input gives the same score. The others are what the model makes of the CV; the languages
/// that an advert asks for are a rule in communication. The weight of a category about which the
/// advert asks nothing goes to domain, whoever the candidate is; one that the model could not judge
/// counts 50 and says so. The model sees neither name nor contact. Errors:
/// `Errc::invalid_argument`: the advert has no title, or nothing is known of the candidate;
/// otherwise as ai::extract(). A model without embeddings (`Errc::unsupported`, `Errc::not_found`)
/// is no error: the likeness is then not known.
boost::asio::awaitable<Result<Match>> score_match(std::shared_ptr<ai::Model> model,
                                                  Candidate candidate, AdRecord ad,
                                                  CallOptions options = CallOptions());

/// Makes the match from a model's answer, by the rules of score_match().
Match settle_match(const Pairing& pairing, MatchAnswer answer, Provenance provenance);

}  // namespace rwp::recruitment
