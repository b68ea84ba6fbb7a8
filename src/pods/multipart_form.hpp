#pragma once

#include <rwp/core/error.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace rwp::pods {

/// A field of a form, or a file in it.
struct FormPart {
  std::string name{};
  /// Empty: no file.
  std::string filename{};
  std::string content{};
};

/// Reads a body of the type multipart/form-data (RFC 7578): at most 32 parts, each with headers of
/// at most 8 KiB. `Errc::invalid_argument`: another type, or no such body; `Errc::unsupported`: a
/// part in an encoding of its own.
Result<std::vector<FormPart>> read_multipart_form(std::string_view content_type, std::string body);

}  // namespace rwp::pods
