#include <rwp/core/url.hpp>

#include <boost/url/decode_view.hpp>
#include <boost/url/parse_query.hpp>
#include <boost/url/pct_string_view.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace rwp {
namespace {

constexpr std::size_t kMaxUrlBytes = 8 * 1024;
constexpr std::string_view kMask = "********";

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_scheme_character(char c) {
  return is_letter(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
}

std::string decode_escapes(std::string_view text) {
  const auto checked = boost::urls::make_pct_string_view(text);
  if (!checked) return std::string(text);
  std::string decoded;
  decoded.reserve(text.size());
  for (const char c : **checked) decoded += c;
  return decoded;
}

/// Whether an option of that name, as written, holds what must not be shown.
bool is_secret(std::string_view written) {
  constexpr std::array<std::string_view, 7> kSigns = {"pass",  "pwd",        "secret",   "key",
                                                      "token", "credential", "signature"};
  std::string name = decode_escapes(written);
  std::transform(name.begin(), name.end(), name.begin(), to_lower);
  return std::any_of(kSigns.begin(), kSigns.end(),
                     [&](std::string_view sign) { return name.find(sign) != std::string::npos; });
}

/// Rather a harmless part masked too many than a password shown: its own "/" may stand unescaped.
std::string mask_authorities(std::string text) {
  std::size_t authority = text.find("//");
  while (authority != std::string::npos) {
    const std::size_t begin = authority + 2;
    // A composed URL holds several.
    const std::size_t end = std::min(text.find("//", begin), text.size());
    const std::size_t at = text.substr(0, end).rfind('@');
    const std::size_t colon = text.find(':', begin);
    std::size_t next = begin;
    if (at != std::string::npos && at > begin && colon < at) {
      text.replace(colon + 1, at - colon - 1, kMask);
      next = colon + 1 + kMask.size();
    }
    authority = text.find("//", next);
  }
  return text;
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
  const Error bad(Errc::invalid_argument,
                  "not a URL of the form scheme:rest, such as sqlite:jobs.db");
  if (text.size() > kMaxUrlBytes) {
    return Error(Errc::invalid_argument, "URL is longer than 8 KiB");
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || !is_letter(text.front())) return bad;
  const std::string_view scheme = text.substr(0, colon);
  if (!std::all_of(scheme.begin(), scheme.end(), is_scheme_character)) return bad;

  Url url;
  url.text_ = std::string(text);
  url.scheme_ = std::string(scheme);
  std::transform(url.scheme_.begin(), url.scheme_.end(), url.scheme_.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const std::string_view after = text.substr(colon + 1);
  const std::size_t mark = after.find('?');
  url.rest_ = std::string(after.substr(0, mark));
  if (!boost::urls::make_pct_string_view(url.rest_)) {
    return Error(Errc::invalid_argument, "URL has a broken percent escape");
  }
  if (mark == std::string_view::npos) return url;

  const auto query = boost::urls::parse_query(after.substr(mark + 1));
  if (!query) return Error(Errc::invalid_argument, "URL has a malformed query");
  for (const auto& parameter : *query) {
    std::string name = decode_escapes(std::string_view(parameter.key));
    std::string value =
        parameter.has_value ? decode_escapes(std::string_view(parameter.value)) : std::string();
    if (!url.query_.emplace(name, std::move(value)).second) {
      return Error(Errc::invalid_argument, "URL names \"" + name + "\" twice");
    }
  }
  return url;
}

std::string Url::path() const { return decode_escapes(rest_); }

Result<void> Url::allow_query(std::initializer_list<std::string_view> known) const {
  for (const auto& [name, value] : query_) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    std::string message = "URL option \"" + name + "\" is not known to " + scheme_ + ":";
    if (known.size() > 0) {
      message += "; it takes";
      for (const std::string_view candidate : known) {
        message += ' ';
        message += candidate;
      }
    }
    return Error(Errc::invalid_argument, std::move(message));
  }
  return {};
}

Result<std::int64_t> Url::integer(std::string_view name, std::int64_t fallback,
                                  std::int64_t minimum, std::int64_t maximum) const {
  const auto found = query_.find(std::string(name));
  if (found == query_.end()) return fallback;
  const std::string& text = found->second;
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size() || number < minimum ||
      number > maximum) {
    return Error(Errc::invalid_argument,
                 "URL option \"" + std::string(name) + "\" must be a whole number from " +
                     std::to_string(minimum) + " to " + std::to_string(maximum));
  }
  return number;
}

Result<std::chrono::milliseconds> Url::duration(std::string_view name,
                                                std::chrono::milliseconds fallback) const {
  const auto found = query_.find(std::string(name));
  if (found == query_.end()) return fallback;
  auto parsed = parse_duration(found->second);
  if (!parsed) return parsed.error().with_context("URL option \"" + std::string(name) + "\"");
  return parsed;
}

std::string Url::masked() const {
  const std::size_t mark = std::min(text_.find('?'), text_.size());
  std::string text = mask_authorities(text_.substr(0, mark));
  std::size_t begin = mark;
  while (begin < text_.size()) {
    std::size_t end = std::min(text_.find('&', begin + 1), text_.size());
    const std::string_view parameter = std::string_view(text_).substr(begin, end - begin);
    const std::size_t equals = parameter.find('=');
    if (equals != std::string_view::npos && is_secret(parameter.substr(1, equals - 1))) {
      text += parameter.substr(0, equals + 1);
      text += kMask;
    } else {
      // In a composed URL the next one's options may begin here.
      end = std::min(text_.find('?', begin + 1), end);
      text += mask_authorities(text_.substr(begin, end - begin));
    }
    begin = end;
  }
  return text;
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> kUnits = {
      {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
  constexpr std::int64_t kMost = 3650LL * 86'400'000;
  const Error bad(Errc::invalid_argument,
                  "must be a duration such as 250ms, 30s, 5m, 2h or 7d, at most 10 years");
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || number < 0) return bad;
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const auto& [name, factor] : kUnits) {
    if (unit != name) continue;
    if (number > kMost / factor) return bad;
    return std::chrono::milliseconds(number * factor);
  }
  return bad;
}

}  // namespace rwp
