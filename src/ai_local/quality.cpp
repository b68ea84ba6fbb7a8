#include "ai_local/quality.hpp"

#include "ai_local/key_phrases.hpp"
#include "ai_local/text.hpp"

#include <algorithm>
#include <initializer_list>
#include <utility>

namespace rwp::ai_local {
namespace {

/// Adds up points; what was lost and what was won is told.
class Judge {
 public:
  void add(int points, int of, std::string_view when_won, std::string_view when_lost) {
    score_ += points;
    if (points == of) {
      if (!when_won.empty()) won_.emplace_back(of, when_won);
    } else {
      lost_.emplace_back(of - points, when_lost);
    }
  }
  void deduct(int points, std::string reason) {
    score_ -= points;
    lost_.emplace_back(points, std::move(reason));
  }

  Quality finish() {
    constexpr std::size_t kMostPraise = 3;
    const auto dearest_first = [](const auto& left, const auto& right) {
      return left.first > right.first;
    };
    std::stable_sort(lost_.begin(), lost_.end(), dearest_first);
    std::stable_sort(won_.begin(), won_.end(), dearest_first);
    if (won_.size() > kMostPraise) won_.resize(kMostPraise);
    Quality quality;
    quality.score = std::clamp(score_, 0, 100);
    for (auto& [points, reason] : lost_) quality.reasons.push_back(std::move(reason));
    for (auto& [points, reason] : won_) quality.reasons.push_back(std::move(reason));
    return quality;
  }

 private:
  int score_ = 0;
  std::vector<std::pair<int, std::string>> lost_;
  std::vector<std::pair<int, std::string>> won_;
};

bool has_any(std::string_view folded, std::initializer_list<std::string_view> parts) {
  return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) {
    return folded.find(part) != std::string_view::npos;
  });
}

void judge_title(std::string_view title, Judge& judge) {
  const bool shouted = title.size() > 8 && std::none_of(title.begin(), title.end(), is_lower);
  const int points = title.empty() ? 0 : title.size() < 4 || title.size() > 80 || shouted ? 5 : 10;
  judge.add(points, 10, "",
            title.empty()       ? "no job title"
            : shouted           ? "the title is all capitals"
            : title.size() > 80 ? "the title is long; keep it under 80 characters"
                                : "the title says little");
}

void judge_length(std::size_t words, Judge& judge) {
  const std::string count = std::to_string(words) + " words";
  if (words < 60) {
    judge.add(words < 25 ? 0 : 5, 20, "",
              "very short (" + count + "); describe tasks, requirements and offer");
  } else if (words < 150) {
    judge.add(13, 20, "", "short (" + count + "); 150 to 700 words are read best");
  } else if (words > 1'100) {
    judge.add(10, 20, "", "very long (" + count + "); 150 to 700 words are read best");
  } else if (words > 700) {
    judge.add(16, 20, "", "long (" + count + "); 150 to 700 words are read best");
  } else {
    judge.add(20, 20, "a good length (" + count + ")", "");
  }
}

void judge_structure(const WordedText& text, std::size_t words, Judge& judge) {
  std::size_t items = 0;
  std::size_t paragraphs = 0;
  std::size_t sentences = 0;
  std::size_t sentence_words = 0;
  for (std::size_t i = 0; i < text.sentences.size(); ++i) {
    const auto& sentence = text.sentences[i];
    items += sentence.bullet || sentence.heading ? 1 : 0;
    paragraphs += sentence.opens_paragraph ? 1 : 0;
    if (sentence.bullet || sentence.heading) continue;
    ++sentences;
    sentence_words += text.words[i].size();
  }
  const bool structured = items >= 4 || words < 120;
  judge.add(structured        ? 10
            : paragraphs >= 4 ? 7
                              : 3,
            10, "lists and headings make it easy to scan",
            "no lists or headings; set tasks and requirements as lists");
  const double average =
      sentences == 0 ? 0.0 : static_cast<double>(sentence_words) / static_cast<double>(sentences);
  judge.add(
      average <= 26.0   ? 5
      : average <= 34.0 ? 3
                        : 0,
      5, "",
      "sentences are long (" + std::to_string(static_cast<int>(average)) + " words on average)");
}

}  // namespace

Quality judge_quality(const QualityInput& input) {
  std::size_t words = 0;
  for (const auto& sentence : input.text->words) words += sentence.size();
  const std::string_view body = input.folded_body;
  Judge judge;
  judge_title(input.title, judge);
  judge_length(words, judge);
  judge.add(input.has_salary ? 15 : 0, 15, "pay is stated", "pay is not stated");
  judge.add(input.has_location ? 8 : 0, 8, "the place of work is stated",
            "the place of work is not stated");
  judge.add(input.has_employment_type ? 7 : 0, 7, "the kind of employment is stated",
            "full-time, part-time or the kind of contract is not stated");
  judge_structure(*input.text, words, judge);
  const bool tasks =
      has_any(body, {"you will", "you'll", "responsib", "duties", "the role involves", "tasks",
                     "post holder will", "postholder will", "the role"});
  judge.add(tasks ? 8 : 0, 8, "the work is described", "what the person will do is not described");
  const bool wanted =
      has_any(body, {"requirement", "essential", "you have", "you should have", "must have",
                     "experience", "qualif", "you are", "looking for"});
  judge.add(
      wanted ? (input.skills >= 3 ? 7 : 5) : 0, 7, "requirements are named",
      wanted ? "few concrete skills are named" : "what the person should bring is not described");
  const bool offer =
      has_any(body, {"benefit", "we offer", "pension", "annual leave", "holiday", "bonus",
                     "in return", "development opportunit", "training", "flexible working"});
  judge.add(offer ? 7 : 0, 7, "what is offered beside pay is described",
            "nothing is said about what is offered beside pay");
  const bool apply = has_any(
      body, {"apply", "application", "contact", "enquir", "send your cv", "[email]", "email"});
  judge.add(apply ? 3 : 0, 3, "", "how to apply or whom to ask is not said");
  if (input.off_putting > 0) {
    const auto counted = std::min<std::size_t>(input.off_putting, 4);
    judge.deduct(static_cast<int>(counted) * 4,
                 "wording that may put candidates off (" + std::to_string(input.off_putting) + ")");
  }
  return judge.finish();
}

}  // namespace rwp::ai_local
