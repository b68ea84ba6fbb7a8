#include "documents/reader/text_builder.hpp"

namespace rwp::documents::reader {
namespace {

constexpr std::string_view kNoBreakSpace = "\xC2\xA0";

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

}  // namespace

void TextBuilder::append(std::string_view text) {
  if (is_full_) return;
  if (text.size() > max_bytes_ - text_.size()) {
    is_full_ = true;
    return;
  }
  text_ += text;
}

void TextBuilder::drop_spaces() {
  while (!text_.empty() && (text_.back() == ' ' || text_.back() == '\t')) text_.pop_back();
}

void TextBuilder::flowing_text(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const bool wide = text.substr(at).starts_with(kNoBreakSpace);
    if (wide || is_space(text[at])) {
      if (!text_.empty() && !is_space(text_.back())) append(" ");
      at += wide ? kNoBreakSpace.size() : 1;
      continue;
    }
    std::size_t end = at;
    while (end < text.size() && !is_space(text[end]) &&
           !text.substr(end).starts_with(kNoBreakSpace)) {
      ++end;
    }
    append(text.substr(at, end - at));
    at = end;
  }
}

void TextBuilder::exact_text(std::string_view text) { append(text); }

void TextBuilder::new_line() {
  drop_spaces();
  if (!text_.empty() && text_.back() != '\n') append("\n");
}

void TextBuilder::gap() {
  new_line();
  if (!text_.empty() && !text_.ends_with("\n\n")) append("\n");
}

void TextBuilder::line_break() {
  drop_spaces();
  append("\n");
}

void TextBuilder::next_cell() {
  while (!text_.empty() && (text_.back() == ' ' || text_.back() == '\n')) text_.pop_back();
  append("\t");
}

}  // namespace rwp::documents::reader
