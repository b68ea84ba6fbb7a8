#include "pods/json_slice.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace rwp::pods {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

/// Past the value that begins at `at`.
std::size_t value_end(std::string_view text, std::size_t at) {
  std::size_t depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = string_end(text, at);
    } else if (c == '{' || c == '[') {
      ++depth;
      ++at;
      continue;
    } else if (c == '}' || c == ']') {
      // Of the value's own, or of what it stands in.
      if (depth == 0) return at;
      --depth;
      ++at;
    } else if (depth > 0) {
      ++at;
      continue;
    } else {
      while (at < text.size() && text[at] != ',' && text[at] != '}' && text[at] != ']' &&
             !is_space(text[at])) {
        ++at;
      }
    }
    if (depth == 0) return at;
  }
  return at;
}

std::size_t skip(std::string_view text, std::size_t at, std::string_view separators) {
  while (at < text.size() &&
         (is_space(text[at]) || separators.find(text[at]) != std::string_view::npos)) {
    ++at;
  }
  return at;
}

unsigned hex(std::string_view digits) {
  unsigned value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  return value;
}

void append_utf8(std::string& out, unsigned code) {
  const auto byte = [&out](unsigned value) { out += static_cast<char>(value); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xC0U | (code >> 6U));
    byte(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    byte(0xE0U | (code >> 12U));
    byte(0x80U | ((code >> 6U) & 0x3FU));
    byte(0x80U | (code & 0x3FU));
  } else {
    byte(0xF0U | (code >> 18U));
    byte(0x80U | ((code >> 12U) & 0x3FU));
    byte(0x80U | ((code >> 6U) & 0x3FU));
    byte(0x80U | (code & 0x3FU));
  }
}

/// The text between the quotes, escapes resolved.
std::string unescape(std::string_view text) {
  if (text.find('\\') == std::string_view::npos) return std::string(text);
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    switch (text[++i]) {
      case 'b':
        out += '\b';
        break;
      case 'f':
        out += '\f';
        break;
      case 'n':
        out += '\n';
        break;
      case 'r':
        out += '\r';
        break;
      case 't':
        out += '\t';
        break;
      case 'u': {
        unsigned code = hex(text.substr(i + 1, 4));
        i += 4;
        if (code >= 0xD800 && code < 0xDC00) {  // The check has seen its other half.
          code = 0x10000 + ((code - 0xD800) << 10U) + (hex(text.substr(i + 3, 4)) - 0xDC00);
          i += 6;
        }
        append_utf8(out, code);
        break;
      }
      default:
        out += text[i];
    }
  }
  return out;
}

/// The names of one object; few take no memory of their own.
class Names {
 public:
  /// `text` lies between the quotes, and lives on.
  void add(std::string_view text) {
    if (text.find('\\') != std::string_view::npos) {
      text = *resolved_.emplace_back(std::make_unique<std::string>(unescape(text)));
    }
    if (count_ < few_.size()) {
      few_[count_++] = text;
    } else {
      many_.push_back(text);
    }
  }

  std::optional<std::string_view> find_twice() {
    if (many_.empty()) {
      for (std::size_t i = 1; i < count_; ++i) {
        const auto before = std::span(few_).first(i);
        if (std::find(before.begin(), before.end(), few_[i]) != before.end()) return few_[i];
      }
      return std::nullopt;
    }
    many_.insert(many_.end(), few_.begin(), few_.end());
    std::sort(many_.begin(), many_.end());
    const auto twice = std::adjacent_find(many_.begin(), many_.end());
    if (twice == many_.end()) return std::nullopt;
    return *twice;
  }

 private:
  std::array<std::string_view, 8> few_{};
  std::size_t count_ = 0;
  std::vector<std::string_view> many_{};
  std::vector<std::unique_ptr<std::string>> resolved_{};
};

/// Walks a document and stops at a name that stands twice in its object.
class NameChecker {
 public:
  explicit NameChecker(std::string_view text) : text_(text) {}

  /// None when all is well; else the path, from the inside out.
  std::optional<std::string> find() { return value(skip(text_, 0, ""), nullptr); }

 private:
  /// `end`: where the value ends.
  std::optional<std::string> value(std::size_t at, std::size_t* end) {
    if (text_[at] == '{') return object(at, end);
    if (text_[at] == '[') return array(at, end);
    if (end != nullptr) *end = value_end(text_, at);
    return std::nullopt;
  }

  std::optional<std::string> object(std::size_t at, std::size_t* end) {
    Names names;
    at = skip(text_, at + 1, "");
    while (text_[at] != '}') {
      const std::size_t name_end = string_end(text_, at);
      const std::string_view name = text_.substr(at + 1, name_end - at - 2);
      at = skip(text_, name_end, ":");
      std::size_t next = 0;
      if (auto inner = value(at, &next)) {
        return shown_name(unescape(name)) + (inner->starts_with('[') ? "" : ".") + *inner;
      }
      names.add(name);
      at = skip(text_, next, ",");
    }
    if (end != nullptr) *end = at + 1;
    const auto twice = names.find_twice();
    if (!twice) return std::nullopt;
    return shown_name(*twice);
  }

  std::optional<std::string> array(std::size_t at, std::size_t* end) {
    std::size_t index = 0;
    at = skip(text_, at + 1, "");
    while (text_[at] != ']') {
      std::size_t next = 0;
      if (auto inner = value(at, &next)) {
        const std::string place = "[" + std::to_string(index) + "]";
        return place + (inner->starts_with('[') ? "" : ".") + *inner;
      }
      ++index;
      at = skip(text_, next, ",");
    }
    if (end != nullptr) *end = at + 1;
    return std::nullopt;
  }

  const std::string_view text_;
};

}  // namespace

std::size_t string_end(std::string_view text, std::size_t at) noexcept {
  const std::size_t begin = at + 1;
  for (std::size_t quote = text.find('"', begin); quote != std::string_view::npos;
       quote = text.find('"', quote + 1)) {
    std::size_t first = quote;
    while (first > begin && text[first - 1] == '\\') --first;
    // Of an even number of backslashes each second is a character of its own.
    if ((quote - first) % 2 == 0) return quote + 1;
  }
  return text.size();
}

JsonSlice::JsonSlice(std::string_view text) {
  const std::size_t begin = skip(text, 0, "");
  text_ = text.substr(begin, value_end(text, begin) - begin);
}

JsonKind JsonSlice::kind() const noexcept {
  switch (text_.front()) {
    case '{':
      return JsonKind::object;
    case '[':
      return JsonKind::array;
    case '"':
      return JsonKind::string;
    case 't':
    case 'f':
      return JsonKind::boolean;
    case 'n':
      return JsonKind::null;
    default:
      return text_.find_first_of(".eE") == std::string_view::npos ? JsonKind::integer
                                                                  : JsonKind::real;
  }
}

std::optional<bool> JsonSlice::as_bool() const noexcept {
  if (kind() != JsonKind::boolean) return std::nullopt;
  return text_.front() == 't';
}

std::optional<std::int64_t> JsonSlice::as_int64() const noexcept {
  if (kind() != JsonKind::integer) return std::nullopt;
  std::int64_t number = 0;
  const auto read = std::from_chars(text_.data(), text_.data() + text_.size(), number);
  if (read.ec != std::errc()) return std::nullopt;
  return number;
}

std::optional<std::string> JsonSlice::as_string() const {
  if (kind() != JsonKind::string) return std::nullopt;
  return unescape(text_.substr(1, text_.size() - 2));
}

Result<void> JsonSlice::each_member(
    const std::function<Result<void>(const std::string& name, JsonSlice value)>& visit) const {
  if (kind() != JsonKind::object) return {};
  std::size_t at = skip(text_, 1, "");
  while (text_[at] != '}') {
    const std::size_t name_end = string_end(text_, at);
    const std::string name = unescape(text_.substr(at + 1, name_end - at - 2));
    const std::size_t begin = skip(text_, name_end, ":");
    const JsonSlice value(text_.substr(begin));
    if (auto visited = visit(name, value); !visited) return visited;
    at = skip(text_, begin + value.text_.size(), ",");
  }
  return {};
}

Result<void> JsonSlice::each_element(
    const std::function<Result<void>(JsonSlice value)>& visit) const {
  if (kind() != JsonKind::array) return {};
  std::size_t at = skip(text_, 1, "");
  while (text_[at] != ']') {
    const JsonSlice value(text_.substr(at));
    if (auto visited = visit(value); !visited) return visited;
    at = skip(text_, at + value.text_.size(), ",");
  }
  return {};
}

std::string shown_name(std::string_view name) {
  constexpr std::size_t kMostBytes = 64;
  std::size_t length = std::min(name.size(), kMostBytes);
  // Not within a character, whose further bytes begin with the bits 10.
  while (length < name.size() && length > 0 &&
         (static_cast<unsigned char>(name[length]) & 0xC0U) == 0x80U) {
    --length;
  }
  return std::string(name.substr(0, length));
}

std::optional<std::string> duplicate_name(const JsonText& document) {
  return NameChecker(document.view()).find();
}

}  // namespace rwp::pods
