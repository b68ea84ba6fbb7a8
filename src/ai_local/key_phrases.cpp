#include "ai_local/key_phrases.hpp"

#include "ai_local/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace rwp::ai_local {
namespace {

constexpr std::size_t kLongestPhrase = 4;
/// What a phrase of 1, 2, 3, 4 words is worth beside its words: one word says little, four ramble.
constexpr std::array<double, kLongestPhrase> kLengthWorth{0.75, 1.25, 1.2, 0.95};

bool means_something(const Word& word) {
  const std::string_view folded = word.folded;
  if (folded.size() < 2 || is_stopword(folded) || is_filler(folded)) return false;
  const std::string_view root = stem(folded);
  if (root.size() < folded.size() && (is_stopword(root) || is_filler(root))) return false;
  return std::any_of(folded.begin(), folded.end(),
                     [](char c) { return is_word(c) && !is_digit(c); });
}

struct Phrase {
  std::vector<Word> words{};
  std::size_t count = 0;
  std::size_t first_sentence = 0;
  double score = 0.0;
};

std::string key_of(const std::vector<Word>& words) {
  std::string key;
  for (const auto& word : words) {
    if (!key.empty()) key += ' ';
    key += stem(word.folded);
  }
  return key;
}

using Phrases = std::unordered_map<std::string, Phrase>;

void collect(const std::vector<Word>& sentence, std::size_t number, Phrases& phrases) {
  std::vector<Word> run;
  const auto close = [&] {
    if (!run.empty() && run.size() <= kLongestPhrase) {
      auto& phrase = phrases[key_of(run)];
      if (phrase.count == 0) {
        phrase.words = run;
        phrase.first_sentence = number;
      }
      ++phrase.count;
    }
    run.clear();
  };
  for (const auto& word : sentence) {
    if (word.after_break) close();
    if (word.meaningful) {
      run.push_back(word);
    } else {
      close();
    }
  }
  close();
}

double score_of(const Phrase& phrase, const WordedText& text, std::string_view folded_title) {
  double sum = 0.0;
  bool in_title = false;
  for (const auto& word : phrase.words) {
    const auto found = text.counts.find(stem(word.folded));
    sum += std::log1p(found == text.counts.end() ? 1.0 : static_cast<double>(found->second));
    in_title = in_title || has_word(folded_title, word.folded);
  }
  const double mean = sum / static_cast<double>(phrase.words.size());
  const double worth = kLengthWorth[phrase.words.size() - 1];
  const double repeated = 1.0 + 0.5 * std::log(static_cast<double>(phrase.count));
  const double early = phrase.first_sentence * 2 <= text.sentences.size() ? 1.0 : 0.85;
  return mean * worth * repeated * early * (in_title ? 1.4 : 1.0);
}

/// The phrase as people write it: names and acronyms keep their capitals, a capital that only began
/// the sentence goes.
std::string written(const Phrase& phrase) {
  std::string out;
  const bool all_capital = std::all_of(phrase.words.begin(), phrase.words.end(),
                                       [](const Word& w) { return is_upper(w.text[0]); });
  for (const auto& word : phrase.words) {
    if (!out.empty()) out += ' ';
    const bool acronym = word.text.size() > 1 && (!is_word(word.text.back()) ||
                                                  is_upper(word.text[1]) || is_digit(word.text[1]));
    out += acronym || (all_capital && phrase.words.size() > 1) ? word.text : word.folded;
  }
  if (out.ends_with("'s")) out.resize(out.size() - 2);
  return out;
}

bool contains_words(const std::string& longer, const std::string& shorter) {
  return has_word(longer, shorter);
}

}  // namespace

WordedText read_words(std::string_view text, std::string_view folded) {
  WordedText worded;
  worded.sentences = split_sentences(text);
  worded.words.reserve(worded.sentences.size());
  worded.counts.reserve(text.size() / 12 + 8);
  for (const auto& sentence : worded.sentences) {
    const auto offset = static_cast<std::size_t>(sentence.text.data() - text.data());
    worded.words.push_back(split_words(sentence.text, folded.substr(offset, sentence.text.size())));
    for (auto& word : worded.words.back()) {
      word.meaningful = means_something(word);
      if (word.meaningful) ++worded.counts[stem(word.folded)];
    }
  }
  return worded;
}

std::vector<std::string> find_key_phrases(const WordedText& text, std::string_view folded_title,
                                          std::size_t limit) {
  Phrases phrases;
  for (std::size_t i = 0; i < text.words.size(); ++i) {
    // Whom to ask is no subject of the job.
    const auto sentence = text.sentences[i].text;
    const bool contact = sentence.find("[email]") != std::string_view::npos ||
                         sentence.find("[phone]") != std::string_view::npos ||
                         sentence.find('@') != std::string_view::npos;
    if (!contact) collect(text.words[i], i, phrases);
  }
  std::vector<std::pair<std::string, const Phrase*>> ranked;
  for (auto& [key, phrase] : phrases) {
    // One word that stands there once is chance, unless it is long enough to be a term.
    if (phrase.words.size() == 1 && phrase.count < 2 && key.size() < 7) continue;
    phrase.score = score_of(phrase, text, folded_title);
    ranked.emplace_back(key, &phrase);
  }
  std::sort(ranked.begin(), ranked.end(), [](const auto& left, const auto& right) {
    if (left.second->score != right.second->score) return left.second->score > right.second->score;
    return left.first < right.first;
  });
  std::vector<std::string> chosen;
  std::vector<std::string> keys;
  for (const auto& [key, phrase] : ranked) {
    if (chosen.size() == limit) break;
    const bool overlaps = std::any_of(keys.begin(), keys.end(), [&key = key](const auto& other) {
      return contains_words(other, key) || contains_words(key, other);
    });
    if (overlaps) continue;
    keys.push_back(key);
    chosen.push_back(written(*phrase));
  }
  return chosen;
}

}  // namespace rwp::ai_local
