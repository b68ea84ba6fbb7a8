#include "ai_local/cv/cv_facts.hpp"

#include <array>
#include <utility>

namespace rwp::ai_local {
namespace {

MaybeFact of_flag(bool flag) {
  Fact fact;
  fact.flag = flag;
  return fact;
}

MaybeFact first_of(const std::vector<std::string>& texts) {
  return texts.empty() ? std::nullopt : of_text(texts.front());
}

MaybeFact name(const Cv& cv) { return of_text(cv.contact.name); }
MaybeFact emails(const Cv& cv) { return of_texts(cv.contact.emails); }
MaybeFact email(const Cv& cv) { return first_of(cv.contact.emails); }
MaybeFact phones(const Cv& cv) { return of_texts(cv.contact.phones); }
MaybeFact phone(const Cv& cv) { return first_of(cv.contact.phones); }
MaybeFact links(const Cv& cv) { return of_texts(cv.contact.links); }
MaybeFact location(const Cv& cv) { return of_text(cv.contact.location); }
MaybeFact headline(const Cv& cv) { return of_text(cv.contact.headline); }
MaybeFact summary(const Cv& cv) { return of_text(cv.summary); }
MaybeFact seniority(const Cv& cv) { return of_text(cv.seniority); }
MaybeFact certificates(const Cv& cv) { return of_texts(cv.certificates); }

MaybeFact stated_years(const Cv& cv) {
  return cv.stated_years ? of_number(*cv.stated_years) : std::nullopt;
}

MaybeFact skills(const Cv& cv) {
  std::vector<Fact> list;
  for (const auto& skill : cv.skills) {
    Fact fact;
    fact.text = skill.name;
    add_member(fact, "name", of_text(skill.name));
    add_member(fact, "category", of_text(skill.category));
    add_member(fact, "level", of_text(skill.level));
    list.push_back(std::move(fact));
  }
  return of_list(std::move(list));
}

MaybeFact languages(const Cv& cv) {
  Cv spoken;
  for (const auto& skill : cv.skills) {
    if (skill.category == "languages") spoken.skills.push_back(skill);
  }
  return skills(spoken);
}

MaybeFact experience(const Cv& cv) {
  std::vector<Fact> list;
  for (const auto& post : cv.posts) {
    Fact fact;
    fact.text = post.title.empty() ? post.employer : post.title;
    for (const std::string_view known : {"title", "job_title", "role", "position"}) {
      add_member(fact, known, of_text(post.title));
    }
    for (const std::string_view known : {"company", "employer", "organisation", "organization"}) {
      add_member(fact, known, of_text(post.employer));
    }
    add_member(fact, "location", of_text(post.location));
    for (const std::string_view known : {"start", "start_date", "from"}) {
      add_member(fact, known, of_text(post.start));
    }
    for (const std::string_view known : {"end", "end_date", "to"}) {
      add_member(fact, known, of_text(post.end));
    }
    for (const std::string_view known : {"current", "is_current"}) {
      add_member(fact, known, of_flag(post.current));
    }
    for (const std::string_view known : {"summary", "description"}) {
      add_member(fact, known, of_text(post.summary));
    }
    list.push_back(std::move(fact));
  }
  return of_list(std::move(list));
}

MaybeFact education(const Cv& cv) {
  std::vector<Fact> list;
  for (const auto& entry : cv.education) {
    Fact fact;
    fact.text = entry.qualification.empty() ? entry.institution : entry.qualification;
    for (const std::string_view known : {"qualification", "degree", "title"}) {
      add_member(fact, known, of_text(entry.qualification));
    }
    add_member(fact, "level", of_text(entry.level));
    for (const std::string_view known : {"institution", "school", "university"}) {
      add_member(fact, known, of_text(entry.institution));
    }
    for (const std::string_view known : {"start", "start_date", "from"}) {
      add_member(fact, known, of_text(entry.start));
    }
    for (const std::string_view known : {"end", "end_date", "to", "year"}) {
      add_member(fact, known, of_text(entry.end));
    }
    list.push_back(std::move(fact));
  }
  return of_list(std::move(list));
}

struct Source {
  std::string_view name;
  MaybeFact (*find)(const Cv& cv);
};

constexpr auto kSources = std::to_array<Source>({{"name", name},
                                                 {"full_name", name},
                                                 {"emails", emails},
                                                 {"email", email},
                                                 {"phones", phones},
                                                 {"phone", phone},
                                                 {"links", links},
                                                 {"urls", links},
                                                 {"location", location},
                                                 {"city", location},
                                                 {"headline", headline},
                                                 {"current_title", headline},
                                                 {"summary", summary},
                                                 {"seniority", seniority},
                                                 {"level", seniority},
                                                 {"stated_years", stated_years},
                                                 {"years_experience", stated_years},
                                                 {"years_of_experience", stated_years},
                                                 {"skills", skills},
                                                 {"languages", languages},
                                                 {"experience", experience},
                                                 {"work_experience", experience},
                                                 {"positions", experience},
                                                 {"employment", experience},
                                                 {"education", education},
                                                 {"qualifications", education},
                                                 {"certificates", certificates},
                                                 {"certifications", certificates}});

}  // namespace

bool find_cv_fact(const Cv& cv, std::string_view wanted, MaybeFact& fact) {
  for (const auto& source : kSources) {
    if (source.name != wanted) continue;
    fact = source.find(cv);
    return true;
  }
  return false;
}

}  // namespace rwp::ai_local
