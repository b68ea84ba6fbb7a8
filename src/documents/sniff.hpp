#pragma once

#include <cstdint>
#include <string_view>

namespace rwp::documents {

/// What the bytes of a document say it is, whatever its sender calls it.
enum class Kind : std::uint8_t {
  empty,
  pdf,
  zip,  ///< A DOCX, or another archive: its contents tell.
  ole,  ///< A file of Office before 2007, or an encrypted DOCX.
  html,
  text,
  foreign,  ///< Something else that is known by its name.
  noise,    ///< No text, and nothing that is known.
};

struct Sniffed {
  Kind kind = Kind::empty;
  /// For people, as in "a PNG image".
  std::string_view name{};
};

/// `declared_html`: its sender calls it HTML, which decides for markup without `<html>`.
Sniffed sniff(std::string_view content, bool declared_html) noexcept;

}  // namespace rwp::documents
