#pragma once

#include <string_view>

namespace rwp::ai_local {

/// How much a folded piece of text looks like the title of a post: "staff nurse", "einkäuferin".
/// 0: not at all.
int looks_like_title(std::string_view folded);

/// How much it looks like the name of an employer: "... ltd", "... hospital". 0: not at all.
int looks_like_employer(std::string_view folded);

/// Whether it names a place where people are taught.
bool looks_like_school(std::string_view folded);

/// secondary, diploma, bachelor, master, doctorate: the level of a qualification that the text
/// names; "other" for one without a level of its own; empty: it names none.
std::string_view qualification_level(std::string_view folded, std::string_view text);

/// Whether a time so called is no post: career break, parental leave, travelling.
bool is_time_out(std::string_view folded);

/// Whether the folded piece is the name of a town, a state or a country that is widely known.
bool is_known_place(std::string_view folded);

}  // namespace rwp::ai_local
