#include "ai_local/source_text.hpp"

#include "ai_local/text.hpp"
#include <rwp/core/json_text.hpp>
#include <rwp/core/json_view.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

namespace rwp::ai_local {
namespace {

struct Label {
  std::string_view name;
  std::string SourceText::*member;
};

constexpr auto kLabels =
    std::to_array<Label>({Label{"title", &SourceText::title},
                          Label{"job title", &SourceText::title},
                          Label{"job_title", &SourceText::title},
                          Label{"position", &SourceText::title},
                          Label{"role", &SourceText::title},
                          Label{"post", &SourceText::title},
                          Label{"vacancy", &SourceText::title},
                          Label{"company", &SourceText::company},
                          Label{"employer", &SourceText::company},
                          Label{"organisation", &SourceText::company},
                          Label{"hiring organization", &SourceText::company},
                          Label{"client", &SourceText::company},
                          Label{"location", &SourceText::location},
                          Label{"job location", &SourceText::location},
                          Label{"locations", &SourceText::location},
                          Label{"place of work", &SourceText::location},
                          Label{"work location", &SourceText::location},
                          Label{"based at", &SourceText::location},
                          Label{"city", &SourceText::location},
                          Label{"salary", &SourceText::salary},
                          Label{"salary_text", &SourceText::salary},
                          Label{"stated salary", &SourceText::salary},
                          Label{"pay", &SourceText::salary},
                          Label{"pay rate", &SourceText::salary},
                          Label{"rate", &SourceText::salary},
                          Label{"wage", &SourceText::salary},
                          Label{"compensation", &SourceText::salary},
                          Label{"remuneration", &SourceText::salary},
                          Label{"country", &SourceText::country},
                          Label{"employment type", &SourceText::employment_type},
                          Label{"employment_type", &SourceText::employment_type},
                          Label{"job type", &SourceText::employment_type},
                          Label{"contract type", &SourceText::employment_type},
                          Label{"contract", &SourceText::employment_type},
                          Label{"type", &SourceText::employment_type}});

std::string SourceText::*member_of(std::string_view label) {
  const std::string folded = fold(trim(label));
  for (const auto& known : kLabels) {
    if (known.name == folded) return known.member;
  }
  return nullptr;
}

/// Labels that only announce what follows; the line says nothing itself.
bool is_empty_announcement(std::string_view label, std::string_view value) {
  const std::string folded = fold(trim(label));
  return trim(value).empty() &&
         (folded == "description" || folded == "job description" || folded == "advert" ||
          folded == "job ad" || folded == "advertisement" || folded == "text");
}

void read_line(std::string_view line, SourceText& source) {
  constexpr std::size_t kLongestLabel = 24;
  const auto colon = line.substr(0, kLongestLabel).find(':');
  if (colon != std::string_view::npos) {
    const auto value = trim(line.substr(colon + 1));
    if (is_empty_announcement(line.substr(0, colon), value)) return;
    std::string_view label = trim(line.substr(0, colon));
    while (!label.empty() &&
           (label.front() == '*' || label.front() == '-' || label.front() == '#')) {
      label = trim(label.substr(1));
    }
    const auto member = member_of(label);
    if (member != nullptr && !value.empty()) {
      if ((source.*member).empty()) source.*member = std::string(value);
      return;
    }
  }
  source.body += line;
  source.body += '\n';
}

void read_text(std::string_view text, SourceText& source) {
  std::size_t at = 0;
  while (at <= text.size()) {
    const auto end = std::min(text.find('\n', at), text.size());
    read_line(text.substr(at, end - at), source);
    at = end + 1;
  }
}

/// Whether a member is part of the text: not an id, a date, a postcode or a link.
bool is_prose(std::string_view name, std::string_view value) {
  constexpr std::ptrdiff_t kFewestSpaces = 4;
  for (const std::string_view known : {"description", "body", "text", "content", "requirements",
                                       "responsibilities", "benefits", "summary", "cv", "resume"}) {
    if (name == known) return true;
  }
  return std::count(value.begin(), value.end(), ' ') >= kFewestSpaces;
}

/// All texts within a value, names aside.
void gather_texts(JsonView value, std::string& text) {
  if (const auto string = value.as_string()) text += normalise(*string) + "\n";
  if (value.kind() == JsonKind::array) {
    for (std::size_t i = 0; i < value.size(); ++i) gather_texts(value.at(i), text);
  }
  value.each_member([&text](std::string_view, JsonView member) {
    gather_texts(member, text);
    return true;
  });
}

void read_pair(JsonView root, PairText& pair) {
  const auto candidate = root.find("candidate");
  const auto advert = root.find("advert");
  if (!candidate || !advert || candidate->kind() != JsonKind::object ||
      advert->kind() != JsonKind::object) {
    return;
  }
  gather_texts(*candidate, pair.candidate);
  gather_texts(*advert, pair.advert);
  const auto facts = root.find("facts");
  for (std::size_t i = 0; facts && facts->kind() == JsonKind::array && i < facts->size(); ++i) {
    if (const auto fact = facts->at(i).as_string()) pair.facts.push_back(one_line(*fact));
  }
}

/// The advertisement as a JSON object, the way a program hands it over.
bool read_object(const std::string& text, SourceText& source) {
  if (!trim(text).starts_with('{')) return false;
  const auto checked = JsonText::parse(text);
  if (!checked) return false;
  const JsonDocument document(*checked);
  document.root().each_member([&source](std::string_view name, JsonView value) {
    const auto string = value.as_string();
    if (!string) return true;
    if (name == "today") {
      source.today = std::string(*string);
      return true;
    }
    if ((name == "cv" || name == "resume") && source.cv.empty()) source.cv = std::string(*string);
    const std::string clean = normalise(*string);
    const auto member = member_of(name);
    if (member != nullptr) {
      if ((source.*member).empty()) source.*member = one_line(clean);
    } else if (is_prose(name, clean)) {
      source.body += clean + "\n\n";
    }
    return true;
  });
  read_pair(document.root(), source.pair);
  return true;
}

}  // namespace

SourceText read_source(const std::vector<ai::Message>& messages) {
  SourceText source;
  for (const auto& message : messages) {
    if (message.role != ai::Role::user || read_object(message.content, source)) continue;
    read_text(normalise(message.content), source);
    source.body += '\n';
  }
  return source;
}

}  // namespace rwp::ai_local
