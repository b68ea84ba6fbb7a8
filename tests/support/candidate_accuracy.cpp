#include "support/candidate_accuracy.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>
#include <sstream>

namespace rwp::tests {
namespace {

/// Letters and digits in lower case, so that case and punctuation make no difference.
std::string bare(const std::string& text) {
  std::string letters;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c >= 'A' && c <= 'Z') letters += static_cast<char>(c + 32);
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || byte >= 0x80U) letters += c;
  }
  // Capitals of Latin-1 too.
  for (std::size_t i = 0; i + 1 < letters.size(); ++i) {
    const auto second = static_cast<unsigned char>(letters[i + 1]);
    if (static_cast<unsigned char>(letters[i]) == 0xC3U && second >= 0x80U && second <= 0x9EU) {
      letters[i + 1] = static_cast<char>(second + 0x20U);
    }
  }
  return letters;
}

std::string digits(const std::string& text) {
  std::string kept;
  for (const char c : text) {
    if (c >= '0' && c <= '9') kept += c;
  }
  return kept;
}

/// One holds the other: "Staff Nurse" and "Staff Nurse, Orthopaedics".
bool akin(const std::string& left, const std::string& right) {
  const std::string a = bare(left);
  const std::string b = bare(right);
  if (a.empty() || b.empty()) return a.empty() && b.empty();
  const bool within = a.find(b) != std::string::npos || b.find(a) != std::string::npos;
  return within && 2 * std::min(a.size(), b.size()) >= std::max(a.size(), b.size());
}

class Meter {
 public:
  Meter(std::string sample, CandidateAccuracy& accuracy)
      : sample_(std::move(sample)), accuracy_(accuracy) {}

  void count(const std::string& field, bool right, const std::string& expected,
             const std::string& found) {
    auto& counted = accuracy_.fields[field];
    ++(right ? counted.right : counted.wrong);
    if (right) return;
    std::string miss = sample_;
    miss.append(": ").append(field).append(": expected \"").append(expected);
    miss.append("\", found \"").append(found).append("\"");
    accuracy_.misses.push_back(std::move(miss));
  }

  template <class Shape>
  void count_list(const std::string& field, const std::vector<std::string>& expected,
                  const std::vector<std::string>& found, Shape shape) {
    std::set<std::string> left;
    for (const auto& value : found) left.insert(shape(value));
    for (const auto& value : expected) count(field, left.erase(shape(value)) > 0, value, "");
    for (const auto& value : left) count(field, false, "", value);
  }

 private:
  const std::string sample_;
  CandidateAccuracy& accuracy_;
};

void measure_experience(Meter& meter, const std::vector<recruitment::Position>& expected,
                        const std::vector<recruitment::Position>& found) {
  std::set<std::size_t> used;
  for (const auto& post : expected) {
    std::size_t best = found.size();
    int best_score = 1;
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (used.count(i) > 0) continue;
      const int score = (found[i].start == post.start ? 2 : 0) +
                        (akin(found[i].title, post.title) ? 2 : 0) +
                        (akin(found[i].company, post.company) ? 2 : 0);
      if (score > best_score) {
        best = i;
        best_score = score;
      }
    }
    const std::string name = post.title + " / " + post.company;
    meter.count("post", best < found.size(), name, "");
    if (best == found.size()) continue;
    used.insert(best);
    const auto& match = found[best];
    meter.count("post title", akin(match.title, post.title), post.title, match.title);
    meter.count("post company", akin(match.company, post.company), post.company, match.company);
    const bool dates =
        match.start == post.start && match.end == post.end && match.current == post.current;
    meter.count("post dates", dates, post.start + ".." + post.end,
                match.start + ".." + match.end + (match.current ? "now" : ""));
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (used.count(i) == 0) {
      meter.count("post", false, "", found[i].title + " / " + found[i].company);
    }
  }
}

void measure_education(Meter& meter, const std::vector<recruitment::Education>& expected,
                       const std::vector<recruitment::Education>& found) {
  std::set<std::size_t> used;
  for (const auto& entry : expected) {
    std::size_t best = found.size();
    int best_score = 1;
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (used.count(i) > 0) continue;
      const int score = (akin(found[i].institution, entry.institution) ? 2 : 0) +
                        (found[i].end == entry.end ? 2 : 0) +
                        (found[i].level == entry.level ? 1 : 0);
      if (score > best_score) {
        best = i;
        best_score = score;
      }
    }
    meter.count("education", best < found.size(), entry.institution, "");
    if (best == found.size()) continue;
    used.insert(best);
    const auto& match = found[best];
    const auto level = [](const recruitment::Education& one) {
      return one.level ? std::string(enum_name(*one.level)) : std::string("none");
    };
    // A qualification between the levels has none to be expected.
    if (entry.level) {
      meter.count("education level", match.level == entry.level, level(entry), level(match));
    }
    meter.count("education institution", akin(match.institution, entry.institution),
                entry.institution, match.institution);
    meter.count("education end", match.end == entry.end, entry.end, match.end);
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (used.count(i) == 0) {
      meter.count("education", false, "", found[i].qualification + " / " + found[i].institution);
    }
  }
}

void measure_skills(Meter& meter, const ExpectedCandidate& expected,
                    const std::vector<recruitment::CandidateSkill>& found) {
  for (const auto& [name, level] : expected.skills) {
    const auto match = std::find_if(found.begin(), found.end(), [&](const auto& skill) {
      return bare(skill.name) == bare(name);
    });
    meter.count("skill", match != found.end(), name, "");
    if (!level || match == found.end()) continue;
    meter.count("skill level", match->level == level, name + " " + std::string(enum_name(*level)),
                match->level ? std::string(enum_name(*match->level)) : "none");
  }
}

}  // namespace

double CandidateAccuracy::overall() const {
  FieldCount all;
  for (const auto& [name, field] : fields) {
    all.right += field.right;
    all.wrong += field.wrong;
  }
  return all.share();
}

std::string CandidateAccuracy::table() const {
  std::ostringstream out;
  for (const auto& [name, field] : fields) {
    std::array<char, 128> line{};
    std::snprintf(line.data(), line.size(), "%-24s %4d of %4d  %5.1f %%\n", name.c_str(),
                  field.right, field.right + field.wrong, 100.0 * field.share());
    out << line.data();
  }
  return out.str();
}

void measure(const std::string& sample, const ExpectedCandidate& expected,
             const recruitment::Candidate& found, CandidateAccuracy& accuracy) {
  Meter meter(sample, accuracy);
  meter.count("name", bare(found.name) == bare(expected.name), expected.name, found.name);
  meter.count_list("e-mail", expected.emails, found.emails, bare);
  meter.count_list("phone", expected.phones, found.phones, digits);
  meter.count_list("link", expected.links, found.links, bare);
  const bool place = bare(found.location).find(bare(expected.location)) != std::string::npos &&
                     found.location.size() <= expected.location.size() + 40;
  meter.count("location", place, expected.location, found.location);
  const double years = found.years_experience.value_or(-1.0);
  meter.count("years", std::abs(years - expected.years_experience) < 0.3,
              std::to_string(expected.years_experience), std::to_string(years));
  measure_experience(meter, expected.experience, found.experience);
  measure_education(meter, expected.education, found.education);
  measure_skills(meter, expected, found.skills);
}

}  // namespace rwp::tests
