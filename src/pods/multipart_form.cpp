#include "pods/multipart_form.hpp"

#include <rwp/core/utf8.hpp>
#include <rwp/net/http_message.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace rwp::pods {
namespace {

constexpr std::size_t kMostParts = 32;
constexpr std::size_t kMostHeadBytes = 8'192;
constexpr std::size_t kMostBoundaryBytes = 70;

Error bad(std::string rule) { return Error(Errc::invalid_argument, "form: " + std::move(rule)); }

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// A parameter of a header's value: `boundary=x` or `name="a b"`.
std::optional<std::string> parameter(std::string_view value, std::string_view name) {
  std::size_t at = value.find(';');
  while (at != std::string_view::npos) {
    ++at;
    const auto equals = value.find('=', at);
    if (equals == std::string_view::npos) return std::nullopt;
    const auto key = trimmed(value.substr(at, equals - at));
    std::string text;
    at = value.find_first_not_of(" \t", equals + 1);
    if (at == std::string_view::npos) return std::nullopt;
    if (value[at] == '"') {
      for (++at; at < value.size() && value[at] != '"'; ++at) {
        if (value[at] == '\\' && at + 1 < value.size()) ++at;
        text += value[at];
      }
      at = value.find(';', at);
    } else {
      const auto end = std::min(value.find(';', at), value.size());
      text = trimmed(value.substr(at, end - at));
      at = end == value.size() ? std::string_view::npos : end;
    }
    if (net::equal_without_case(key, name)) return text;
  }
  return std::nullopt;
}

Result<FormPart> read_head(std::string_view head) {
  FormPart part;
  bool named = false;
  while (!head.empty()) {
    const auto end = std::min(head.find("\r\n"), head.size());
    const auto line = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return bad("a part has a header without a colon");
    const auto name = trimmed(line.substr(0, colon));
    const auto value = line.substr(colon + 1);
    if (net::equal_without_case(name, "Content-Transfer-Encoding") &&
        !net::equal_without_case(trimmed(value), "binary") &&
        !net::equal_without_case(trimmed(value), "8bit")) {
      return Error(Errc::unsupported, "form: a part has an encoding of its own");
    }
    if (!net::equal_without_case(name, "Content-Disposition")) continue;
    const auto field = parameter(value, "name");
    if (!field) return bad("a part has no name");
    part.name = *field;
    part.filename = parameter(value, "filename").value_or("");
    named = true;
  }
  if (!named) return bad("a part has no name");
  if (!is_valid_utf8(part.name) || !is_valid_utf8(part.filename)) {
    return bad("a part's name is not UTF-8");
  }
  return part;
}

/// Where a boundary stands; other text may begin as it does.
std::size_t find_mark(std::string_view text, std::string_view mark) {
  for (auto at = text.find(mark); at != std::string_view::npos; at = text.find(mark, at + 1)) {
    const auto rest = text.substr(at + mark.size());
    const auto blanks = rest.find_first_not_of(" \t");
    if (rest.starts_with("--") || blanks == std::string_view::npos ||
        rest.substr(blanks).starts_with("\r\n")) {
      return at;
    }
  }
  return std::string_view::npos;
}

}  // namespace

Result<std::vector<FormPart>> read_multipart_form(std::string_view content_type, std::string body) {
  const auto type =
      trimmed(content_type.substr(0, std::min(content_type.find(';'), content_type.size())));
  if (!net::equal_without_case(type, "multipart/form-data")) {
    return bad("the content type must be multipart/form-data");
  }
  const auto boundary = parameter(content_type, "boundary");
  if (!boundary || boundary->empty() || boundary->size() > kMostBoundaryBytes) {
    return bad("the content type must name a boundary of 1 to 70 characters");
  }
  // As if a line had ended before, which it need not for the first.
  const std::string mark = "\r\n--" + *boundary;
  std::string_view rest = body;
  if (rest.starts_with(std::string_view(mark).substr(2))) {
    rest.remove_prefix(mark.size() - 2);
  } else {
    const auto first = rest.find(mark);
    if (first == std::string_view::npos) return bad("the boundary does not stand in it");
    rest.remove_prefix(first + mark.size());
  }
  std::vector<FormPart> parts;
  while (!rest.starts_with("--")) {
    if (parts.size() == kMostParts) return bad("it has more than 32 parts");
    // Blanks may stand behind a boundary.
    const auto line = rest.find("\r\n");
    if (line == std::string_view::npos || !trimmed(rest.substr(0, line)).empty()) {
      return bad("a boundary does not end its line");
    }
    rest.remove_prefix(line);
    const auto head = rest.find("\r\n\r\n");
    if (head > kMostHeadBytes) {
      return bad("a part's headers are longer than 8192 bytes, or have no end");
    }
    auto part = read_head(rest.substr(std::min<std::size_t>(2, head), head < 2 ? 0 : head - 2));
    if (!part) return part.error();
    rest.remove_prefix(head + 4);
    const auto end = find_mark(rest, mark);
    if (end == std::string_view::npos) return bad("a part has no end");
    part->content = rest.substr(0, end);
    parts.push_back(std::move(*part));
    rest.remove_prefix(end + mark.size());
  }
  return parts;
}

}  // namespace rwp::pods
