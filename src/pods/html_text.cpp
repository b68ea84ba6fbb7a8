#include "pods/ad_fields.hpp"

#include <array>
#include <charconv>
#include <cstdint>

namespace rwp::pods {
namespace {

void append_code_point(std::string& out, std::uint32_t code) {
  if (code == 0 || code > 0x10FFFFU || (code >= 0xD800U && code < 0xE000U)) code = 0xFFFDU;
  const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80U) {
    put(code);
  } else if (code < 0x800U) {
    put(0xC0U | (code >> 6U));
    put(0x80U | (code & 0x3FU));
  } else if (code < 0x10000U) {
    put(0xE0U | (code >> 12U));
    put(0x80U | ((code >> 6U) & 0x3FU));
    put(0x80U | (code & 0x3FU));
  } else {
    put(0xF0U | (code >> 18U));
    put(0x80U | ((code >> 12U) & 0x3FU));
    put(0x80U | ((code >> 6U) & 0x3FU));
    put(0x80U | (code & 0x3FU));
  }
}

struct Entity {
  std::string_view name;
  std::uint32_t code;
};

/// Those that adverts have; others stay as they are.
constexpr std::array<Entity, 17> kEntities{{
    {"amp", '&'},
    {"lt", '<'},
    {"gt", '>'},
    {"quot", '"'},
    {"apos", '\''},
    {"nbsp", ' '},
    {"pound", 0xA3},
    {"euro", 0x20AC},
    {"yen", 0xA5},
    {"ndash", 0x2013},
    {"mdash", 0x2014},
    {"lsquo", 0x2018},
    {"rsquo", 0x2019},
    {"ldquo", 0x201C},
    {"rdquo", 0x201D},
    {"bull", 0x2022},
    {"hellip", 0x2026},
}};

/// "/p" for "</P class=…>"; empty for what is no tag.
std::string tag_name(std::string_view tag) {
  std::string name;
  for (const char c : tag) {
    if (c == '/' && name.empty()) {
      name += c;
    } else if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      name += c;
    } else if (c >= 'A' && c <= 'Z') {
      name += static_cast<char>(c + 32);
    } else {
      break;
    }
  }
  return name == "/" ? std::string() : name;
}

std::string strip_tags(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool opens = text[i] == '<';
    const auto end = opens ? text.find('>', i) : std::string_view::npos;
    const std::string name =
        end == std::string_view::npos ? std::string() : tag_name(text.substr(i + 1, end - i - 1));
    if (name.empty()) {  // "<" as in "salary < 30,000".
      out += text[i];
      continue;
    }
    if (name == "script" || name == "style") {
      const auto close = text.find("</" + name, end);
      i = close == std::string_view::npos ? text.size() : text.find('>', close);
      if (i == std::string_view::npos) i = text.size();
      continue;
    }
    if (name == "br" || name == "/p" || name == "/div" || name == "/li" || name == "/tr" ||
        (name.size() == 3 && name.starts_with("/h"))) {
      out += '\n';
    }
    if (name == "li") out += "- ";
    i = end;
  }
  return out;
}

}  // namespace

std::string resolve_entities(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto end = text[i] == '&' ? text.substr(i, 12).find(';') : std::string_view::npos;
    if (end == std::string_view::npos || end < 2) {
      out += text[i];
      continue;
    }
    const auto name = text.substr(i + 1, end - 1);
    std::uint32_t code = 0;
    if (name.front() == '#') {
      const bool hexadecimal = name.size() > 1 && (name[1] == 'x' || name[1] == 'X');
      const auto digits = name.substr(hexadecimal ? 2 : 1);
      const auto* last = digits.data() + digits.size();
      const auto read = std::from_chars(digits.data(), last, code, hexadecimal ? 16 : 10);
      if (digits.empty() || read.ec != std::errc() || read.ptr != last) {
        out += '&';
        continue;
      }
    } else {
      for (const auto& entity : kEntities) {
        if (entity.name == name) code = entity.code;
      }
      if (code == 0) {
        out += '&';
        continue;
      }
    }
    append_code_point(out, code);
    i += end;
  }
  return out;
}

std::string text_of_html(std::string_view html) {
  std::string text(html);
  // Escaped as a whole, once more than HTML has it.
  if (text.find('<') == std::string::npos && text.find("&lt;") != std::string::npos) {
    text = resolve_entities(text);
  }
  return resolve_entities(strip_tags(text));
}

}  // namespace rwp::pods
