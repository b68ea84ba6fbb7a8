#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace rwp::ai_local {

/// Finds any of a list of phrases in one walk over the beginnings of a text's words, where a search
/// for each would read the text once a phrase.
///
/// Threads: safe to share. Lifetime: the phrases outlive it.
class PhraseSet {
 public:
  /// Folded phrases, none empty.
  explicit PhraseSet(std::vector<std::string_view> phrases);

  /// Calls `visit` with a phrase's index and its place, for each that stands in `folded` from a
  /// word's beginning (and to a word's end, when `whole_words`), until it answers false.
  void scan(std::string_view folded, bool whole_words,
            const std::function<bool(std::size_t index, std::size_t position)>& visit) const;

  /// Whether any phrase stands there, be it as the beginning of a word.
  bool any_in(std::string_view folded) const;

  /// The least index of the phrases that stand there as whole words; size() when there is none.
  std::size_t first_in(std::string_view folded) const;

  std::size_t size() const noexcept { return phrases_.size(); }

 private:
  std::vector<std::string_view> phrases_;
  /// Indices sorted by first byte, and where each byte's begin.
  std::vector<std::uint16_t> order_;
  std::array<std::uint16_t, 257> begin_{};
};

}  // namespace rwp::ai_local
