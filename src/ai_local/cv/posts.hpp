#pragma once

#include "ai_local/cv/headings.hpp"

#include <string>
#include <vector>

namespace rwp::ai_local {

/// A post that a CV tells of. Dates as DateRange has them.
struct CvPost {
  std::string title{};
  std::string employer{};
  std::string location{};
  std::string start{};
  std::string end{};
  bool current = false;
  std::string summary{};
};

/// The posts of the sections of experience, in their order; of the whole text where no section is
/// named so. Each is found by its dates; what is called a career break is none.
std::vector<CvPost> find_posts(const std::vector<CvSection>& sections);

}  // namespace rwp::ai_local
