#pragma once

#include "support/candidate_samples.hpp"
#include <rwp/recruitment/candidate.hpp>

#include <map>
#include <string>
#include <vector>

namespace rwp::tests {

/// How many of a field's values were right.
struct FieldCount {
  int right = 0;
  int wrong = 0;

  double share() const { return right + wrong == 0 ? 1.0 : double(right) / (right + wrong); }
};

/// Field by field, over many CVs. Of lists each value counts: one that is missing and one that is
/// too much are wrong each; of skills only the expected ones are looked for, as no sample lists
/// all.
struct CandidateAccuracy {
  std::map<std::string, FieldCount> fields{};
  /// "sample: field: what is wrong", for people.
  std::vector<std::string> misses{};

  double overall() const;
  /// A line a field.
  std::string table() const;
};

void measure(const std::string& sample, const ExpectedCandidate& expected,
             const recruitment::Candidate& found, CandidateAccuracy& accuracy);

}  // namespace rwp::tests
