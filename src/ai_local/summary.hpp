#pragma once

#include "ai_local/key_phrases.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace rwp::ai_local {

struct SummaryLimits {
  std::size_t sentences = 3;
  std::size_t bytes = 600;
};

/// The sentences of the text that say most, in their order, word for word. Sentences about how to
/// apply, contacts and benefits are passed over while there are others. Empty for an empty text.
std::string summarise(const WordedText& text, std::string_view folded_title,
                      SummaryLimits limits = SummaryLimits());

}  // namespace rwp::ai_local
