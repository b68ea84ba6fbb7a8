#pragma once

#include "ai_local/pair_facts.hpp"
#include <rwp/ai/model.hpp>

#include <string>
#include <vector>

namespace rwp::ai_local {

/// What the user's messages say, apart into what stands behind labels ("Title: …") and the rest.
/// All normalised, but for `cv`.
struct SourceText {
  std::string title{};
  std::string company{};
  std::string location{};
  std::string salary{};
  std::string employment_type{};
  /// As written: "AU" or "Australia".
  std::string country{};
  /// Everything but the labelled lines above.
  std::string body{};
  /// A CV as it was written, for its columns tell something; empty: the text is none.
  std::string cv{};
  /// The day to count from, "YYYY-MM-DD"; may be empty.
  std::string today{};
  /// Two texts to be compared; empty: there is one.
  PairText pair{};
};

/// Reads the user's messages: text with or without labelled lines, or a JSON object with members of
/// these names. A member "cv" or "resume" is a CV; two objects "candidate" and "advert" are a pair.
SourceText read_source(const std::vector<ai::Message>& messages);

}  // namespace rwp::ai_local
