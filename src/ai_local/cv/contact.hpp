#pragma once

#include "ai_local/cv/headings.hpp"

#include <string>
#include <vector>

namespace rwp::ai_local {

/// Who a CV is about and how to reach them; empty where it does not tell.
struct CvContact {
  std::string name{};
  /// What stands beside or below the name: "Senior Software Engineer".
  std::string headline{};
  std::string location{};
  std::vector<std::string> emails{};
  std::vector<std::string> phones{};
  std::vector<std::string> links{};
};

CvContact find_contact(const std::vector<CvSection>& sections);

}  // namespace rwp::ai_local
