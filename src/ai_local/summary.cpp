#include "ai_local/summary.hpp"

#include "ai_local/phrase_set.hpp"
#include "ai_local/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_set>
#include <vector>

namespace rwp::ai_local {
namespace {

/// What speaks of the work itself.
constexpr auto kTelling = std::to_array<std::string_view>({"you will",
                                                           "the role",
                                                           "this role",
                                                           "responsible for",
                                                           "we are looking for",
                                                           "we are seeking",
                                                           "looking for",
                                                           "the post holder",
                                                           "the postholder",
                                                           "the successful candidate",
                                                           "opportunity has arisen",
                                                           "to join",
                                                           "responsibilities",
                                                           "based in",
                                                           "based at",
                                                           "reporting to",
                                                           "is seeking",
                                                           "we're looking for",
                                                           "we need",
                                                           "the position"});

/// What stands in any advertisement and tells nothing of this one.
constexpr auto kNotTelling = std::to_array<std::string_view>({"[email]",
                                                              "[phone]",
                                                              "[url]",
                                                              "http",
                                                              "www.",
                                                              "click",
                                                              "closing date",
                                                              "apply now",
                                                              "to apply",
                                                              "your application",
                                                              "disclosure",
                                                              "dbs check",
                                                              "criminal record",
                                                              "equal opportunit",
                                                              "discriminat",
                                                              "further information",
                                                              "informal visit",
                                                              "informal discussion",
                                                              "for further details",
                                                              "contact",
                                                              "annual leave",
                                                              "pension",
                                                              "discount",
                                                              "please note",
                                                              "shortlist",
                                                              "interview",
                                                              "sponsorship",
                                                              "certificate of",
                                                              "we reserve the right",
                                                              "cookies",
                                                              "employer",
                                                              "applicants",
                                                              "applications",
                                                              "cv ",
                                                              "covid",
                                                              "visa",
                                                              "benefits include",
                                                              "in return",
                                                              "we offer",
                                                              "committed to safeguarding"});

struct Scored {
  std::size_t index = 0;
  double score = 0.0;
};

class Summariser {
 public:
  Summariser(const WordedText& text, std::string_view folded_title)
      : text_(text), title_(folded_title) {}

  std::string summarise(SummaryLimits limits) {
    auto ranked = rank();
    std::vector<std::size_t> chosen;
    std::size_t bytes = 0;
    double strongest = 0.0;
    while (chosen.size() < limits.sentences && !ranked.empty()) {
      const auto best = std::max_element(ranked.begin(), ranked.end(), [](auto& left, auto& right) {
        return left.score != right.score ? left.score < right.score : left.index > right.index;
      });
      const Scored taken = *best;
      // A weak third sentence is worse than none.
      if (chosen.empty()) strongest = taken.score;
      if (chosen.size() >= 2 && taken.score < 0.3 * strongest) break;
      ranked.erase(best);
      const std::size_t size = text_.sentences[taken.index].text.size();
      if (!chosen.empty() && bytes + size > limits.bytes) continue;
      chosen.push_back(taken.index);
      bytes += size + 1;
      // What repeats a chosen sentence adds nothing.
      for (auto& other : ranked) other.score *= 1.0 - overlap(taken.index, other.index);
    }
    std::sort(chosen.begin(), chosen.end());
    return shorten(join(chosen), limits.bytes);
  }

 private:
  std::vector<Scored> rank() const {
    std::vector<Scored> ranked;
    for (const bool strict : {true, false}) {
      for (std::size_t i = 0; i < text_.sentences.size(); ++i) {
        if (strict && (text_.sentences[i].heading || text_.sentences[i].bullet)) continue;
        if (const double score = score_of(i); score > 0.0) ranked.push_back({i, score});
      }
      if (ranked.size() >= 2) return ranked;
      if (strict) ranked.clear();
    }
    return ranked;
  }

  double score_of(std::size_t index) const {
    const Sentence& sentence = text_.sentences[index];
    const auto& words = text_.words[index];
    double weight = 0.0;
    std::size_t content = 0;
    for (const auto& word : words) {
      if (!word.meaningful) continue;
      const auto found = text_.counts.find(stem(word.folded));
      if (found == text_.counts.end()) continue;
      weight += std::log1p(static_cast<double>(found->second));
      if (has_word(title_, word.folded)) weight += 0.5;
      ++content;
    }
    if (content == 0) return 0.0;
    // Between the sum, which favours length, and the mean, which favours slogans.
    double score = weight / std::pow(static_cast<double>(content), 0.6);
    const auto count = words.size();
    if (count < 8) score *= 0.4;
    if (count > 45) score *= 0.7;
    const double place = static_cast<double>(index) / static_cast<double>(text_.sentences.size());
    score *= 1.35 - 0.6 * place;
    if (sentence.opens_paragraph) score *= 1.1;
    const std::string folded = fold(sentence.text);
    if (telling_.any_in(folded)) score *= 1.35;
    if (not_telling_.any_in(folded)) score *= 0.25;
    if (sentence.text.back() == '?') score *= 0.4;
    if (sentence.text.back() == '!') score *= 0.6;
    if (sentence.bullet) score *= 0.8;
    return score;
  }

  /// The share of the second sentence's words that the first has too.
  double overlap(std::size_t first, std::size_t second) const {
    std::unordered_set<std::string_view> known;
    for (const auto& word : text_.words[first]) {
      if (word.meaningful) known.insert(stem(word.folded));
    }
    std::size_t shared = 0;
    std::size_t all = 0;
    for (const auto& word : text_.words[second]) {
      if (!word.meaningful) continue;
      const auto key = stem(word.folded);
      ++all;
      shared += known.contains(key) ? 1 : 0;
    }
    return all == 0 ? 0.0 : static_cast<double>(shared) / static_cast<double>(all);
  }

  std::string join(const std::vector<std::size_t>& chosen) const {
    std::string summary;
    for (const auto index : chosen) {
      if (!summary.empty()) summary += ' ';
      summary += one_line(text_.sentences[index].text);
      const char last = summary.back();
      if (last == ':' || last == ';' || last == ',') summary.pop_back();
      if (summary.back() != '.' && summary.back() != '!' && summary.back() != '?') summary += '.';
    }
    return summary;
  }

  const PhraseSet telling_{{kTelling.begin(), kTelling.end()}};
  const PhraseSet not_telling_{{kNotTelling.begin(), kNotTelling.end()}};
  const WordedText& text_;
  const std::string_view title_;
};

}  // namespace

std::string summarise(const WordedText& text, std::string_view folded_title, SummaryLimits limits) {
  return Summariser(text, folded_title).summarise(limits);
}

}  // namespace rwp::ai_local
