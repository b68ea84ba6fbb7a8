#include "ai_local/phrase_set.hpp"

#include "ai_local/text.hpp"

#include <algorithm>
#include <utility>

namespace rwp::ai_local {

PhraseSet::PhraseSet(std::vector<std::string_view> phrases) : phrases_(std::move(phrases)) {
  const auto first_byte = [this](std::size_t index) {
    return static_cast<unsigned char>(phrases_[index].front());
  };
  for (std::size_t i = 0; i < phrases_.size(); ++i) {
    order_.push_back(static_cast<std::uint16_t>(i));
    ++begin_[first_byte(i) + 1U];
  }
  for (std::size_t byte = 1; byte < begin_.size(); ++byte) {
    begin_[byte] = static_cast<std::uint16_t>(begin_[byte] + begin_[byte - 1]);
  }
  std::stable_sort(order_.begin(), order_.end(),
                   [&](auto left, auto right) { return first_byte(left) < first_byte(right); });
}

void PhraseSet::scan(
    std::string_view folded, bool whole_words,
    const std::function<bool(std::size_t index, std::size_t position)>& visit) const {
  for (std::size_t at = 0; at < folded.size(); ++at) {
    const auto byte = static_cast<unsigned char>(folded[at]);
    if (begin_[byte] == begin_[byte + 1U]) continue;
    if (at > 0 && is_word(folded[at - 1]) && is_word(folded[at])) continue;
    for (auto i = begin_[byte]; i < begin_[byte + 1U]; ++i) {
      const auto phrase = phrases_[order_[i]];
      if (folded.compare(at, phrase.size(), phrase) != 0) continue;
      const auto end = at + phrase.size();
      const bool ends = end >= folded.size() || !is_word(folded[end]) || !is_word(phrase.back());
      if (whole_words && !ends) continue;
      if (!visit(order_[i], at)) return;
    }
  }
}

bool PhraseSet::any_in(std::string_view folded) const {
  bool found = false;
  scan(folded, false, [&found](std::size_t, std::size_t) {
    found = true;
    return false;
  });
  return found;
}

std::size_t PhraseSet::first_in(std::string_view folded) const {
  std::size_t least = size();
  scan(folded, true, [&least](std::size_t index, std::size_t) {
    least = std::min(least, index);
    return true;
  });
  return least;
}

}  // namespace rwp::ai_local
