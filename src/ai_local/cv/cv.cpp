#include "ai_local/cv/cv.hpp"

#include "ai_local/job_facts.hpp"
#include "ai_local/sentences.hpp"
#include "ai_local/text.hpp"

#include <algorithm>
#include <cstddef>
#include <set>
#include <utility>

namespace rwp::ai_local {
namespace {

constexpr std::size_t kSummaryBytes = 600;

/// Months from year 0; 0: no date.
int month_of(std::string_view date) {
  int year = 0;
  int month = 6;
  if (date.size() < 4) return 0;
  for (const char c : date.substr(0, 4)) year = year * 10 + (c - '0');
  if (date.size() >= 7) month = (date[5] - '0') * 10 + (date[6] - '0');
  return year * 12 + month;
}

/// Months of work, those of several posts once.
std::size_t months_of_work(const std::vector<CvPost>& posts, std::string_view today) {
  constexpr int kLongestPost = 12 * 60;
  std::set<int> months;
  for (const auto& post : posts) {
    const int begin = month_of(post.start);
    const int end = month_of(post.current ? today : std::string_view(post.end));
    for (int month = begin; begin > 0 && month < end && month < begin + kLongestPost; ++month) {
      months.insert(month);
    }
  }
  return months.size();
}

std::string summary_of(const std::vector<CvSection>& sections, const Cv& cv) {
  std::string text;
  for (const auto& section : sections) {
    if (section.kind != CvSectionKind::profile) continue;
    for (const auto& line : section.lines) text += line.text + "\n";
  }
  if (text.empty()) {
    // Sentences at the top that are no address.
    for (const auto& line : sections.front().lines) {
      if (line.text.size() > 60 && line.text.ends_with('.')) text += line.text + "\n";
    }
  }
  std::string summary;
  for (const auto& sentence : split_sentences(text)) {
    if (summary.size() + sentence.text.size() > kSummaryBytes) break;
    summary += (summary.empty() ? "" : " ") + one_line(sentence.text);
  }
  if (!summary.empty()) return summary;
  for (std::size_t i = 0; i < cv.posts.size() && i < 3; ++i) {
    const auto& post = cv.posts[i];
    summary += (summary.empty() ? "" : "; ") + post.title;
    if (!post.employer.empty()) summary += " at " + post.employer;
  }
  return summary.empty() ? cv.contact.headline : summary + ".";
}

const CvPost* latest_post(const std::vector<CvPost>& posts) {
  const CvPost* latest = nullptr;
  const auto key = [](const CvPost& post) {
    return std::pair(post.current, post.current ? post.start : post.end);
  };
  for (const auto& post : posts) {
    if (latest == nullptr || key(post) > key(*latest)) latest = &post;
  }
  return latest;
}

std::string seniority_of(const Cv& cv, std::string_view today) {
  const auto* latest = latest_post(cv.posts);
  for (const auto& title :
       {latest == nullptr ? std::string() : latest->title, cv.contact.headline}) {
    auto level = find_seniority(fold(title), "");
    if (!level.empty()) return level;
  }
  const auto months = months_of_work(cv.posts, today);
  constexpr std::size_t kMid = 24;
  constexpr std::size_t kSenior = 96;
  if (months == 0) return {};
  if (months < kMid) return "junior";
  return months < kSenior ? "mid" : "senior";
}

}  // namespace

Cv read_cv(std::string_view raw, std::string_view today, const SkillDictionary& dictionary) {
  const auto sections = split_sections(read_cv_lines(raw));
  Cv cv;
  cv.contact = find_contact(sections);
  cv.posts = find_posts(sections);
  cv.education = find_education_entries(sections);
  cv.certificates = find_certificates(sections);
  cv.skills = find_abilities(sections, dictionary);
  if (cv.contact.headline.empty()) {
    if (const auto* latest = latest_post(cv.posts)) cv.contact.headline = latest->title;
  }
  cv.summary = summary_of(sections, cv);
  cv.seniority = seniority_of(cv, today);
  cv.stated_years = find_years_of_experience(fold(normalise(raw)));
  return cv;
}

}  // namespace rwp::ai_local
