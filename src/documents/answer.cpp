#include "documents/answer.hpp"

#include <rwp/core/json_view.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/core/utf8.hpp>
#include <rwp/documents/trouble.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace rwp::documents {
namespace {

constexpr std::size_t kMaxWarnings = 16;
constexpr std::uint64_t kMaxPages = 1'000'000;
constexpr std::size_t kMaxWords = 512;

Error no_answer(std::string_view why) {
  return Error(Errc::corrupt, "the reader's answer " + std::string(why));
}

/// For people: at most so long, and on one line.
std::string words(std::string_view text) {
  std::string out(text.substr(0, kMaxWords));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  while (!is_valid_utf8(out)) out.pop_back();
  return out;
}

std::optional<std::string_view> string_of(JsonView head, std::string_view name) {
  const auto member = head.find(name);
  return member ? member->as_string() : std::nullopt;
}

Result<DocumentText> read_head(JsonView head) {
  const auto trouble = string_of(head, "trouble");
  if (trouble) {
    const auto known = trouble_of(std::string(*trouble) + ": ");
    if (!known) return no_answer("tells of a trouble that has no such name");
    return trouble_error(*known, words(string_of(head, "message").value_or("")));
  }
  DocumentText read;
  read.media_type = declared_media_type(string_of(head, "media_type").value_or(""), "");
  if (read.media_type == MediaType::unknown) return no_answer("names no media type");
  const auto pages = head.find("pages");
  const std::uint64_t page_count = pages ? pages->as_uint64().value_or(0) : 0;
  if (page_count < 1 || page_count > kMaxPages) return no_answer("tells no number of pages");
  read.pages = static_cast<std::size_t>(page_count);
  const auto warnings = head.find("warnings");
  const std::size_t count = warnings ? std::min(warnings->size(), kMaxWarnings) : 0;
  for (std::size_t i = 0; i < count && warnings->kind() == JsonKind::array; ++i) {
    read.warnings.push_back(words(warnings->at(i).as_string().value_or("")));
  }
  return read;
}

}  // namespace

std::string write_answer(const Result<DocumentText>& read) {
  JsonWriter head;
  head.begin_object();
  if (!read) {
    const Error error = read.error();
    const auto trouble = trouble_of(error).value_or(Trouble::reader_crashed);
    std::string_view message = error.message();
    if (const std::string prefix = std::string(to_string(trouble)) + ": ";
        message.starts_with(prefix)) {
      message.remove_prefix(prefix.size());
    }
    head.member("trouble", to_string(trouble)).member("message", words(message));
    return head.end_object().finish().str() + "\n";
  }
  head.member("media_type", to_string(read->media_type))
      .member("pages", static_cast<std::uint64_t>(read->pages))
      .member("text_bytes", static_cast<std::uint64_t>(read->text.size()));
  head.key("warnings").begin_array();
  for (const std::string& warning : read->warnings) head.value(words(warning));
  head.end_array().end_object();
  return head.finish().str() + "\n" + read->text;
}

Result<DocumentText> parse_answer(std::string answer, std::size_t max_text_bytes) {
  const std::size_t line_end = answer.find('\n');
  if (line_end >= kMaxAnswerHead) return no_answer("has no first line");  // npos is, too.
  auto head = JsonText::parse(answer.substr(0, line_end));
  if (!head) return no_answer("has a first line that is no JSON");
  const JsonDocument document(*head);
  auto read = read_head(document.root());
  if (!read) return read;
  answer.erase(0, line_end + 1);
  const auto size = document.root().find("text_bytes");
  if (!size || size->as_uint64() != answer.size()) return no_answer("is not whole");
  if (answer.size() > max_text_bytes) return no_answer("is longer than was asked for");
  if (!is_valid_utf8(answer)) return no_answer("is not UTF-8");
  read->text = std::move(answer);
  return read;
}

}  // namespace rwp::documents
