#include <rwp/net/http_message.hpp>

#include <algorithm>
#include <array>

namespace rwp::net {
namespace {

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

/// RFC 9110, section 5.6.2: by the byte, as each header of each message is looked at.
constexpr std::array<bool, 256> token_characters() {
  std::array<bool, 256> is_token{};
  for (unsigned c = '0'; c <= '9'; ++c) is_token[c] = true;
  for (unsigned c = 'a'; c <= 'z'; ++c) is_token[c] = true;
  for (unsigned c = 'A'; c <= 'Z'; ++c) is_token[c] = true;
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) {
    is_token[static_cast<unsigned char>(c)] = true;
  }
  return is_token;
}

bool is_token_character(char c) noexcept {
  static constexpr std::array<bool, 256> kTokens = token_characters();
  return kTokens[static_cast<unsigned char>(c)];
}

}  // namespace

bool equal_without_case(std::string_view left, std::string_view right) noexcept {
  return left.size() == right.size() &&
         std::equal(left.begin(), left.end(), right.begin(),
                    [](char a, char b) { return lower(a) == lower(b); });
}

bool valid_header(std::string_view name, std::string_view value) noexcept {
  const auto is_value_character = [](char c) {
    return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
  };
  return !name.empty() && std::all_of(name.begin(), name.end(), is_token_character) &&
         std::all_of(value.begin(), value.end(), is_value_character);
}

void HttpHeaders::add(std::string name, std::string value) {
  fields_.emplace_back(std::move(name), std::move(value));
}

void HttpHeaders::set(std::string name, std::string value) {
  const auto same = [&name](const Field& field) { return equal_without_case(field.first, name); };
  const auto first = std::find_if(fields_.begin(), fields_.end(), same);
  if (first == fields_.end()) {
    fields_.emplace_back(std::move(name), std::move(value));
    return;
  }
  fields_.erase(std::remove_if(first + 1, fields_.end(), same), fields_.end());
  first->second = std::move(value);
}

void HttpHeaders::remove(std::string_view name) {
  std::erase_if(fields_,
                [name](const Field& field) { return equal_without_case(field.first, name); });
}

std::optional<std::string_view> HttpHeaders::find(std::string_view name) const noexcept {
  for (const auto& [own, value] : fields_) {
    if (equal_without_case(own, name)) return value;
  }
  return std::nullopt;
}

}  // namespace rwp::net
