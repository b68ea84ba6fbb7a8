#pragma once

#include "ai_local/cv/lines.hpp"

#include <string>
#include <vector>

namespace rwp::ai_local {

/// E-mail addresses, telephone numbers and links of a line are added, as they are written, each
/// once. What a line of dates or a date of birth has of digits is no telephone number.
void add_emails(const CvLine& line, std::vector<std::string>& emails);
void add_phones(const CvLine& line, std::vector<std::string>& phones);
void add_links(const CvLine& line, std::vector<std::string>& links);

}  // namespace rwp::ai_local
