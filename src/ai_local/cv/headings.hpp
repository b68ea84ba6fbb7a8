#pragma once

#include "ai_local/cv/lines.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace rwp::ai_local {

enum class CvSectionKind : std::uint8_t {
  none,
  contact,
  profile,
  experience,
  education,
  skills,
  languages,
  certificates,
  other,
};

struct CvHeading {
  CvSectionKind section = CvSectionKind::none;
  /// What follows on the same line: "Skills: Python, SQL".
  std::string_view rest{};
};

/// Whether a normalised line is, or begins with, the name of a section; English, German, French,
/// Spanish, Dutch, Italian and Portuguese.
CvHeading read_heading(std::string_view line);

/// A part of a CV under one heading; what stands before the first is `contact`.
struct CvSection {
  CvSectionKind kind = CvSectionKind::contact;
  std::vector<CvLine> lines{};
};

std::vector<CvSection> split_sections(std::vector<CvLine> lines);

}  // namespace rwp::ai_local
