#pragma once

#include <rwp/ai/model.hpp>

#include <string>
#include <vector>

namespace rwp::ai_local {

/// What the user's messages say, apart into what stands behind labels ("Title: …") and the rest.
/// All normalised.
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
};

/// Reads the user's messages: text with or without labelled lines, or a JSON object with members of
/// these names.
SourceText read_source(const std::vector<ai::Message>& messages);

}  // namespace rwp::ai_local
