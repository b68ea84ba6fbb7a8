#pragma once

#include "ai_local/text.hpp"

#include <string_view>

namespace rwp::ai_local {

/// Calls `visit` for each name of a list written "|one|two|", until it answers false.
template <class Visit>
void each_name(std::string_view list, Visit visit) {
  while (list.size() > 1) {
    const auto end = list.find('|', 1);
    if (!visit(list.substr(1, end - 1))) return;
    list.remove_prefix(end);
  }
}

/// How many names of a list stand as words in the folded text.
inline int count_names(std::string_view folded, std::string_view list) {
  int count = 0;
  each_name(list, [&](std::string_view name) {
    count += has_word(folded, name) ? 1 : 0;
    return true;
  });
  return count;
}

}  // namespace rwp::ai_local
