#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace rwp::ai_local {

/// A place where a skill may be named.
struct SkillMention {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::string_view name{};
  std::string_view category{};
  /// An ambiguous word, which counts only when what is around it speaks for it.
  bool doubtful = false;
};

/// Decides over the doubtful mentions and takes out those that are no skills. `mentions` is sorted
/// by place; `folded` is the folded text.
void keep_likely_mentions(std::string_view folded, std::vector<SkillMention>& mentions);

}  // namespace rwp::ai_local
