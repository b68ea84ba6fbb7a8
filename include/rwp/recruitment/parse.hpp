#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/core/error.hpp>
#include <rwp/recruitment/candidate.hpp>
#include <rwp/recruitment/task.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace rwp::recruitment {

/// The text of a CV, however it came in.
struct CandidateText {
  /// Names the candidate where the CV comes from.
  std::string id{};
  /// Plain text with line breaks; 1 to kMaxBytes bytes that are not all white space.
  std::string text{};
  /// The day to count posts that are still held to, "YYYY-MM-DD"; empty: today in UTC.
  std::string as_of{};

  /// Some forty pages.
  static constexpr std::size_t kMaxBytes = 120'000;
};

/// The description of "candidate.parse"; a constant of the program.
const Task<CandidateText, Candidate>& candidate_parse_task();

/// Finds out what a CV says: contact, skills with category and level, posts, education, years.
///
/// What a model might make up is held against the text: addresses, numbers, links and the name must
/// stand in it, of a post its title or employer. Years and gaps are reckoned here, from the posts'
/// dates: months in which several posts overlap count once.
/// Errors: `Errc::invalid_argument`: the text is empty or too long, `as_of` is no day; otherwise as
/// ai::extract().
boost::asio::awaitable<Result<Candidate>> parse_candidate(std::shared_ptr<ai::Model> model,
                                                          CandidateText source,
                                                          CallOptions options = CallOptions());

/// Makes the candidate from a model's answer, by the rules of parse_candidate(). `source.as_of` is
/// a day.
Candidate settle_candidate(const CandidateText& source, CandidateAnswer answer,
                           Provenance provenance);

/// Where a candidate lies in an object store: "candidates/<id>.json", or
/// "candidates/<tenant>/<id>.json" for a tenant that is not empty; odd names as in enriched_key().
/// No two tenants share a key.
std::string candidate_key(std::string_view tenant, std::string_view candidate_id);

}  // namespace rwp::recruitment
