#pragma once

#include "ai_local/cv/cv.hpp"
#include "ai_local/key_phrases.hpp"
#include "ai_local/quality.hpp"
#include "ai_local/salary.hpp"
#include "ai_local/skills.hpp"
#include "ai_local/source_text.hpp"
#include "ai_local/summary.hpp"
#include "ai_local/wording.hpp"

#include <optional>
#include <string>
#include <vector>

namespace rwp::ai_local {

/// Everything that can be told of one text, each part found when it is first asked for.
///
/// Threads: one at a time. Lifetime: the dictionary outlives it.
class Analysis {
 public:
  Analysis(SourceText source, const SkillDictionary& dictionary);
  Analysis(const Analysis&) = delete;
  Analysis& operator=(const Analysis&) = delete;

  const std::string& title() const noexcept { return title_; }
  const std::string& company() const noexcept { return source_.company; }
  const std::string& location();
  const std::string& employment_type();
  const std::string& seniority();
  /// on_site, hybrid, remote or empty.
  const std::string& workplace();
  const std::string& education();
  std::optional<int> years_of_experience();
  const std::optional<Salary>& salary();
  /// The most important first.
  const std::vector<FoundSkill>& skills();
  const std::vector<std::string>& key_phrases();
  const std::string& summary();
  const Quality& quality();
  const std::vector<OffPuttingWording>& off_putting_wording();
  /// The CV that the text is; null: it is none.
  const Cv* cv();
  const PairText& pair() const noexcept { return source_.pair; }

 private:
  const WordedText& worded();

  SourceText source_;
  const SkillDictionary& dictionary_;
  std::string title_;
  std::string folded_title_;
  std::string folded_body_;
  std::optional<WordedText> worded_;
  std::optional<std::string> location_;
  std::optional<std::string> employment_type_;
  std::optional<std::string> seniority_;
  std::optional<std::string> workplace_;
  std::optional<std::string> education_;
  std::optional<std::optional<Salary>> salary_;
  std::optional<std::vector<FoundSkill>> skills_;
  std::optional<std::vector<std::string>> key_phrases_;
  std::optional<std::string> summary_;
  std::optional<Quality> quality_;
  std::optional<std::vector<OffPuttingWording>> wording_;
  std::optional<Cv> cv_;
};

}  // namespace rwp::ai_local
