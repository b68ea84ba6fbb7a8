#include <rwp/documents/read_document.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

namespace rwp::documents {
namespace {

using namespace std::string_view_literals;

constexpr auto kDocx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"sv;

constexpr std::array kNames{
    std::pair{MediaType::plain_text, "text/plain"sv},
    std::pair{MediaType::html, "text/html"sv},
    std::pair{MediaType::html, "application/xhtml+xml"sv},
    std::pair{MediaType::pdf, "application/pdf"sv},
    std::pair{MediaType::docx, kDocx},
};

constexpr std::array kEndings{
    std::pair{MediaType::plain_text, ".txt"sv}, std::pair{MediaType::plain_text, ".text"sv},
    std::pair{MediaType::plain_text, ".md"sv},  std::pair{MediaType::html, ".html"sv},
    std::pair{MediaType::html, ".htm"sv},       std::pair{MediaType::html, ".xhtml"sv},
    std::pair{MediaType::pdf, ".pdf"sv},        std::pair{MediaType::docx, ".docx"sv},
};

bool equal_but_for_case(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) ==
           std::tolower(static_cast<unsigned char>(b));
  });
}

}  // namespace

std::string_view to_string(MediaType type) noexcept {
  for (const auto& [candidate, name] : kNames) {
    if (candidate == type) return name;
  }
  return "application/octet-stream";
}

MediaType declared_media_type(std::string_view media_type, std::string_view file_name) noexcept {
  std::string_view name = media_type.substr(0, media_type.find(';'));
  while (name.ends_with(' ')) name.remove_suffix(1);
  for (const auto& [type, candidate] : kNames) {
    if (equal_but_for_case(name, candidate)) return type;
  }
  for (const auto& [type, ending] : kEndings) {
    if (file_name.size() >= ending.size() &&
        equal_but_for_case(file_name.substr(file_name.size() - ending.size()), ending)) {
      return type;
    }
  }
  return MediaType::unknown;
}

}  // namespace rwp::documents
