#include "storage_s3/xml.hpp"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace rwp::storage::s3 {
namespace {

constexpr std::size_t kMaxDepth = 16;
constexpr std::size_t kMaxElements = 100'000;

Error malformed(const char* what) {
  return Error(Errc::corrupt, std::string("the answer is no XML: ") + what);
}

void append_utf8(std::string& out, std::uint32_t point) {
  const auto byte = [&out](std::uint32_t value) { out += static_cast<char>(value); };
  if (point < 0x80) {
    byte(point);
  } else if (point < 0x800) {
    byte(0xC0U | point >> 6U);
    byte(0x80U | (point & 0x3FU));
  } else if (point < 0x10000) {
    byte(0xE0U | point >> 12U);
    byte(0x80U | (point >> 6U & 0x3FU));
    byte(0x80U | (point & 0x3FU));
  } else {
    byte(0xF0U | point >> 18U);
    byte(0x80U | (point >> 12U & 0x3FU));
    byte(0x80U | (point >> 6U & 0x3FU));
    byte(0x80U | (point & 0x3FU));
  }
}

/// The character that the text between "&" and ";" stands for; false: none.
bool append_reference(std::string& out, std::string_view name) {
  if (name == "amp") return out += '&', true;
  if (name == "lt") return out += '<', true;
  if (name == "gt") return out += '>', true;
  if (name == "quot") return out += '"', true;
  if (name == "apos") return out += '\'', true;
  if (!name.starts_with('#')) return false;
  name.remove_prefix(1);
  const int base = name.starts_with('x') ? 16 : 10;
  if (base == 16) name.remove_prefix(1);
  std::uint32_t point = 0;
  const auto [end, problem] = std::from_chars(name.data(), name.data() + name.size(), point, base);
  if (name.empty() || problem != std::errc() || end != name.data() + name.size()) return false;
  if (point == 0 || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) return false;
  append_utf8(out, point);
  return true;
}

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  Result<XmlElement> document() {
    XmlElement outside;
    open_.push_back(&outside);
    while (!rest_.empty()) {
      auto read = rest_.front() == '<' ? markup() : text();
      if (!read) return read.error();
    }
    if (open_.size() != 1) return malformed("an element is not closed");
    if (outside.children.size() != 1) return malformed("not one element at its root");
    return std::move(outside.children.front());
  }

 private:
  Result<void> text() {
    const std::string_view raw = rest_.substr(0, rest_.find('<'));
    rest_.remove_prefix(raw.size());
    if (open_.size() == 1) {
      const bool blank = raw.find_first_not_of(" \t\r\n\xEF\xBB\xBF") == std::string_view::npos;
      return blank ? Result<void>() : malformed("text outside of the elements");
    }
    std::string& out = open_.back()->text;
    for (std::size_t i = 0; i < raw.size(); ++i) {
      if (raw[i] != '&') {
        out += raw[i];
        continue;
      }
      const std::size_t end = raw.find(';', i);
      if (end == std::string_view::npos || !append_reference(out, raw.substr(i + 1, end - i - 1))) {
        return malformed("an unknown reference");
      }
      i = end;
    }
    return {};
  }

  /// What lies before `end`, which is taken as well.
  Result<std::string_view> until(std::string_view end) {
    const std::size_t at = rest_.find(end);
    if (at == std::string_view::npos) return malformed("it breaks off");
    const std::string_view taken = rest_.substr(0, at);
    rest_.remove_prefix(at + end.size());
    return taken;
  }

  Result<void> passed_over(std::string_view end) {
    const auto taken = until(end);
    if (!taken) return taken.error();
    return {};
  }

  Result<void> markup() {
    if (rest_.starts_with("<?")) return passed_over("?>");
    if (rest_.starts_with("<!--")) return passed_over("-->");
    if (rest_.starts_with("<![CDATA[")) {
      rest_.remove_prefix(9);
      const auto taken = until("]]>");
      if (!taken) return taken.error();
      if (open_.size() == 1) return malformed("text outside of the elements");
      open_.back()->text += *taken;
      return {};
    }
    if (rest_.starts_with("<!")) return malformed("it has a document type");
    rest_.remove_prefix(1);
    return rest_.starts_with('/') ? closing_tag() : opening_tag();
  }

  static std::string_view local(std::string_view name) {
    const std::size_t colon = name.find(':');
    return colon == std::string_view::npos ? name : name.substr(colon + 1);
  }

  Result<void> closing_tag() {
    rest_.remove_prefix(1);
    const auto tag = until(">");
    if (!tag) return tag.error();
    const std::string_view name = tag->substr(0, tag->find_first_of(" \t\r\n"));
    if (open_.size() == 1 || open_.back()->name != local(name)) {
      return malformed("an element is closed that is not open");
    }
    open_.pop_back();
    return {};
  }

  Result<void> opening_tag() {
    // A quoted ">" is no end.
    char quote = '\0';
    std::size_t end = 0;
    while (end < rest_.size() && (quote != '\0' || rest_[end] != '>')) {
      const char c = rest_[end++];
      if (quote != '\0') {
        if (c == quote) quote = '\0';
      } else if (c == '"' || c == '\'') {
        quote = c;
      }
    }
    if (end == rest_.size()) return malformed("it breaks off");
    std::string_view tag = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    const bool empty = tag.ends_with('/');
    if (empty) tag.remove_suffix(1);
    const std::string_view name = local(tag.substr(0, tag.find_first_of(" \t\r\n")));
    if (name.empty()) return malformed("an element without a name");
    if (++elements_ > kMaxElements) return malformed("more than 100000 elements");
    if (open_.size() > kMaxDepth) return malformed("more than 16 elements deep");
    XmlElement& element = open_.back()->children.emplace_back();
    element.name = name;
    // Stays in place: its siblings come when it is closed.
    if (!empty) open_.push_back(&element);
    return {};
  }

  std::string_view rest_;
  std::vector<XmlElement*> open_;
  std::size_t elements_ = 0;
};

}  // namespace

const XmlElement* XmlElement::find(std::string_view child) const noexcept {
  for (const XmlElement& one : children) {
    if (one.name == child) return &one;
  }
  return nullptr;
}

std::string_view XmlElement::value(std::string_view child) const noexcept {
  const XmlElement* found = find(child);
  return found != nullptr ? std::string_view(found->text) : std::string_view();
}

Result<XmlElement> parse_xml(std::string_view text) { return Reader(text).document(); }

std::string xml_escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out.append("&#").append(std::to_string(static_cast<int>(c))).append(";");
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace rwp::storage::s3
