#pragma once

#include "ai_local/cv/headings.hpp"

#include <string>
#include <vector>

namespace rwp::ai_local {

/// A school, a degree, an apprenticeship. Dates as DateRange has them.
struct CvEducation {
  std::string qualification{};
  /// secondary, diploma, bachelor, master, doctorate; empty: not clear.
  std::string level{};
  std::string institution{};
  std::string start{};
  std::string end{};
};

std::vector<CvEducation> find_education_entries(const std::vector<CvSection>& sections);

/// Certificates, licences and registrations, as they are written.
std::vector<std::string> find_certificates(const std::vector<CvSection>& sections);

}  // namespace rwp::ai_local
