#pragma once

#include <string>
#include <string_view>

namespace rwp::recruitment {

/// Tells whether something that a model read in a CV stands in it. Line breaks, case and the shape
/// of dashes and quotes make no difference.
class CvEvidence {
 public:
  explicit CvEvidence(std::string_view text);

  bool has(std::string_view words) const;
  /// Whether each word of `words` stands there, in whatever order: "Jane DOE" for "Doe, Jane".
  bool has_each_word(std::string_view words) const;
  /// As has(), spaces aside too: text out of a file may have them anywhere.
  bool has_unspaced(std::string_view words) const;
  /// Whether the digits of a telephone number follow each other there, whatever stands between.
  bool has_digits(std::string_view number) const;
  /// Whether the year of a settled date stands there, in four digits or in two.
  bool has_year(std::string_view date) const;

 private:
  std::string text_;
  std::string unspaced_;
  std::string digits_;
};

}  // namespace rwp::recruitment
