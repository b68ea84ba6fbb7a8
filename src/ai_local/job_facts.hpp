#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rwp::ai_local {

/// What an advertisement states of the job, each by the words that `recruitment` uses for it; empty
/// where it states nothing. All arguments are folded, except where they are called `text`.

/// full_time, part_time, contract, temporary, internship, apprenticeship, volunteer; `stated` is
/// what stands behind a label such as "Contract type".
std::string find_employment_type(std::string_view title, std::string_view stated,
                                 std::string_view body);

/// intern, apprentice, junior, mid, senior, lead, manager, director, executive. From the title;
/// from the body only where that speaks of the level of this job.
std::string find_seniority(std::string_view title, std::string_view body);

/// on_site, hybrid, remote.
std::string find_workplace(std::string_view title, std::string_view location,
                           std::string_view body);

/// A place that the text says the job is based at. `text` and `folded` are the same text.
std::string find_location(std::string_view text, std::string_view folded);

/// The years of experience that are asked for, at least.
std::optional<int> find_years_of_experience(std::string_view body);

/// The highest degree that is named: doctorate, master, bachelor, diploma, secondary.
std::string find_education(std::string_view body);

/// A job title where none is labelled: the first line, when it looks like one.
std::string guess_title(std::string_view text);

}  // namespace rwp::ai_local
