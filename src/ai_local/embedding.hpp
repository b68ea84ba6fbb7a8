#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace rwp::ai_local {

/// A text as a vector of length 1: its words, pairs of words and character trigrams, each hashed to
/// a dimension and a sign (feature hashing), weighted 1 + log of how often it stands there. Texts
/// that share words are alike; meaning beyond that is not known. The same on every machine.
std::vector<float> embed_text(std::string_view text, std::size_t dimensions);

}  // namespace rwp::ai_local
