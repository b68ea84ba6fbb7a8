#pragma once

#include <rwp/core/error.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace rwp::storage::s3 {

/// An element of an answer in XML. Attributes, comments and instructions are passed over; prefixes
/// of names are cut off.
struct XmlElement {
  std::string name{};
  /// All text directly in it.
  std::string text{};
  std::vector<XmlElement> children{};

  /// The first child of that name; null: none.
  const XmlElement* find(std::string_view child) const noexcept;
  /// The text of find(); empty: none.
  std::string_view value(std::string_view child) const noexcept;
};

/// Reads a document. `Errc::corrupt`: no XML, a document type (which could make it grow without
/// bound), deeper than 16 elements, or more than 100,000 of them.
Result<XmlElement> parse_xml(std::string_view text);

/// Text with & < > and control characters escaped.
std::string xml_escaped(std::string_view text);

}  // namespace rwp::storage::s3
