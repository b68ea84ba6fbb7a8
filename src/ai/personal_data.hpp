#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::ai {

/// A stretch of a text that tells of a person.
struct PersonalSpan {
  std::size_t begin = 0;
  std::size_t end = 0;
  const char* kind = "";
};

// Each adds what it finds, in the text's order; linear in the text.
void find_emails(std::string_view text, std::vector<PersonalSpan>& found);
void find_phones(std::string_view text, std::vector<PersonalSpan>& found);
void find_addresses(std::string_view text, std::vector<PersonalSpan>& found);
/// Whole words, without regard to the case of ASCII letters unless `exact`.
void find_word(std::string_view text, std::string_view word, bool exact,
               std::vector<PersonalSpan>& found);

}  // namespace rwp::ai
