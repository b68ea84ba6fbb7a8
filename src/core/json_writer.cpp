#include "core/json_check.hpp"
#include <rwp/core/json_writer.hpp>
#include <rwp/core/utf8.hpp>

#include <array>
#include <cassert>
#include <charconv>
#include <cmath>
#include <utility>

namespace rwp {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
/// As much as many a document takes.
constexpr std::size_t kFirstBytes = 112;
/// Bits of a level.
constexpr char kIsObject = 1;
constexpr char kHasItems = 2;

[[maybe_unused]] bool is_object(char level) noexcept { return (level & kIsObject) != 0; }

void append_escape(std::string& out, char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  const auto code = static_cast<unsigned char>(c);
  out += "\\u00";
  out += kHex[code >> 4U];
  out += kHex[code & 0xFU];
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t plain = 0;  // Start of the run that can be copied as it is.
  std::size_t i = 0;
  out.reserve(out.size() + text.size() + 2);
  while (i < text.size()) {
    i += plain_run(text.substr(i));
    if (i == text.size()) break;
    const char c = text[i];
    const auto code = static_cast<unsigned char>(c);
    if (code >= 0x20 && code < 0x80 && c != '"' && c != '\\') {
      ++i;
      continue;
    }
    if (code >= 0x80) {
      const std::size_t length = utf8_sequence_length(text.substr(i));
      if (length > 0) {
        i += length;
        continue;
      }
    }
    out += text.substr(plain, i - plain);
    if (code >= 0x80) {
      out += kReplacement;
    } else {
      append_escape(out, c);
    }
    plain = ++i;
  }
  out += text.substr(plain);
  out += '"';
}

void JsonWriter::separate() {
  char& level = levels_.back();
  if ((level & kHasItems) != 0) out_ += ',';
  level = static_cast<char>(level | kHasItems);
}

void JsonWriter::begin_value() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (levels_.empty()) {
    assert(out_.empty() && "one document has one root");
    return;
  }
  assert(!is_object(levels_.back()) && "a value in an object has a key");
  separate();
}

void JsonWriter::begin_level(char bracket) {
  begin_value();
  if (out_.empty()) out_.reserve(kFirstBytes);
  out_ += bracket;
  levels_ += bracket == '{' ? kIsObject : '\0';
}

void JsonWriter::end_level(char bracket) {
  assert(!levels_.empty() && !after_key_ && is_object(levels_.back()) == (bracket == '}'));
  levels_.pop_back();
  out_ += bracket;
}

JsonWriter& JsonWriter::begin_object() {
  begin_level('{');
  return *this;
}

JsonWriter& JsonWriter::end_object() {
  end_level('}');
  return *this;
}

JsonWriter& JsonWriter::begin_array() {
  begin_level('[');
  return *this;
}

JsonWriter& JsonWriter::end_array() {
  end_level(']');
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  assert(!levels_.empty() && is_object(levels_.back()) && !after_key_);
  separate();
  append_json_string(out_, name);
  out_ += ':';
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  begin_value();
  append_json_string(out_, text);
  return *this;
}

JsonWriter& JsonWriter::value(bool flag) {
  begin_value();
  out_ += flag ? "true" : "false";
  return *this;
}

JsonWriter& JsonWriter::value(std::int64_t number) {
  begin_value();
  out_ += std::to_string(number);
  return *this;
}

JsonWriter& JsonWriter::value(std::uint64_t number) {
  begin_value();
  out_ += std::to_string(number);
  return *this;
}

JsonWriter& JsonWriter::value(double number) {
  if (!std::isfinite(number)) return null();
  begin_value();
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number);
  out_.append(buffer.data(), end.ptr);
  return *this;
}

JsonWriter& JsonWriter::value(const JsonText& document) {
  begin_value();
  out_ += document.view();
  return *this;
}

JsonWriter& JsonWriter::null() {
  begin_value();
  out_ += "null";
  return *this;
}

JsonText JsonWriter::finish() {
  assert(levels_.empty() && !after_key_ && !out_.empty());
  return JsonText::trusted(std::exchange(out_, std::string()));
}

}  // namespace rwp
