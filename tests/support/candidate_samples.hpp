#pragma once

#include <rwp/core/describe.hpp>
#include <rwp/recruitment/candidate.hpp>
#include <rwp/recruitment/job_ad.hpp>

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace rwp::tests {

/// What a person reads in a sample CV.
struct ExpectedCandidate {
  std::string as_of{};
  /// "tune": the local model was made with a look at it; "held_out": it was not.
  std::string split{};
  std::string name{};
  std::vector<std::string> emails{};
  std::vector<std::string> phones{};
  std::vector<std::string> links{};
  std::string location{};
  double years_experience = 0;
  std::vector<recruitment::Position> experience{};
  std::vector<recruitment::Education> education{};
  /// Some of the skills that the CV names, with the level where it tells one.
  std::map<std::string, std::optional<recruitment::SkillLevel>> skills{};
  /// A regular expression for the titles, in lower case, of adverts that this person fits.
  std::string fits{};

  static constexpr auto describe() {
    using E = ExpectedCandidate;
    return std::tuple{field("as_of", &E::as_of),
                      field("split", &E::split),
                      field("name", &E::name),
                      field("emails", &E::emails),
                      field("phones", &E::phones),
                      field("links", &E::links),
                      field("location", &E::location),
                      field("years_experience", &E::years_experience),
                      field("experience", &E::experience),
                      field("education", &E::education),
                      field("skills", &E::skills),
                      field("fits", &E::fits)};
  }
};

struct CandidateSample {
  /// Of its files, such as "01-staff-nurse-leeds".
  std::string name{};
  std::string text{};
  ExpectedCandidate expected{};
};

/// The samples of examples/data/candidates, by name. Reports a failure of the test for a file that
/// cannot be read.
std::vector<CandidateSample> candidate_samples();

/// The adverts of a JSON Lines file.
std::vector<recruitment::JobAd> read_adverts(const std::string& path);

/// A whole file; a failure of the test when it cannot be read.
std::string read_file(const std::string& path);

}  // namespace rwp::tests
