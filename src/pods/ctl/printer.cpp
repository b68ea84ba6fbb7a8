#include "pods/ctl/printer.hpp"

#include "pods/json_slice.hpp"
#include <rwp/core/json_writer.hpp>
#include <rwp/core/utf8.hpp>

#include <algorithm>

namespace rwp::pods::ctl {
namespace {

/// Columns are as wide as the longest cell among so many rows; longer ones come later on.
constexpr std::size_t kRowsTogether = 1'000;

/// Of a whole UTF-8 sequence.
char32_t code_point(std::string_view sequence) {
  const auto first = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1) return first;
  char32_t code = first & (0xFFU >> (sequence.size() + 1));
  for (const char c : sequence.substr(1))
    code = (code << 6U) | (static_cast<unsigned char>(c) & 0x3FU);
  return code;
}

/// What moves a terminal's cursor, or turns the text after it around.
bool is_harmful(char32_t code) {
  return code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0x200E && code <= 0x200F) ||
         (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

std::string value_text(JsonView value) {
  if (value.is_null()) return {};
  if (const auto text = value.as_string()) return std::string(*text);
  return value.text().release();
}

std::string padded(const std::string& text, std::size_t width, bool right) {
  const std::size_t own = width_of(text);
  const std::string space(width > own ? width - own : 0, ' ');
  return right ? space + text : text + space;
}

}  // namespace

Column member_column(std::string title, std::string name, std::size_t most) {
  Column column;
  column.title = std::move(title);
  column.most = most;
  column.cell = [name = std::move(name)](JsonView object) {
    const auto member = object.find(name);
    return member ? value_text(*member) : std::string();
  };
  return column;
}

std::string cell_text(std::string_view text, std::size_t most) {
  std::string shown;
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++count) {
    if (count == most) return shown + "…";
    const std::size_t length = utf8_sequence_length(text.substr(i));
    const auto sequence = text.substr(i, std::max<std::size_t>(length, 1));
    i += sequence.size();
    if (length == 0 || is_harmful(code_point(sequence))) {
      shown += '?';
    } else {
      shown += sequence;
    }
  }
  return shown;
}

void Printer::write(std::string_view text) { std::fwrite(text.data(), 1, text.size(), out_); }

void Printer::begin_list(std::string name, std::vector<Column> columns) {
  name_ = std::move(name);
  columns_ = std::move(columns);
  rows_.clear();
  widths_.clear();
  count_ = 0;
  if (format_ != OutputFormat::json) return;
  std::string head = "{";
  append_json_string(head, name_);
  write(head + ": [");
}

void Printer::row(const JsonText& object) {
  ++count_;
  if (format_ == OutputFormat::ndjson) {
    write(object.view());
    write("\n");
    return;
  }
  if (format_ == OutputFormat::json) {
    write(count_ == 1 ? "\n  " : ",\n  ");
    write(object.view());
    return;
  }
  const JsonDocument document(object);
  auto& cells = rows_.emplace_back();
  for (const auto& column : columns_) {
    cells.push_back(cell_text(column.cell(document.root()), column.most));
  }
  if (rows_.size() == kRowsTogether) flush_rows();
}

void Printer::flush_rows() {
  const bool first = widths_.empty();
  if (first) {
    for (const auto& column : columns_) widths_.push_back(width_of(column.title));
    for (const auto& cells : rows_) {
      for (std::size_t i = 0; i < cells.size(); ++i) {
        widths_[i] = std::max(widths_[i], width_of(cells[i]));
      }
    }
    std::vector<std::string> titles;
    for (const auto& column : columns_) titles.push_back(column.title);
    rows_.insert(rows_.begin(), std::move(titles));
  }
  for (const auto& cells : rows_) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (i > 0) line += "  ";
      line += padded(cells[i], widths_[i], columns_[i].right);
    }
    while (line.ends_with(' ')) line.pop_back();
    write(line + "\n");
  }
  rows_.clear();
}

void Printer::end_list(const std::vector<std::pair<std::string, JsonText>>& more) {
  if (format_ == OutputFormat::table) {
    flush_rows();
    return;
  }
  if (format_ == OutputFormat::ndjson) return;
  write(count_ == 0 ? "]" : "\n]");
  for (const auto& [name, value] : more) {
    std::string key = ",\n ";
    append_json_string(key, name);
    write(key + ": " + value.str());
  }
  write("}\n");
}

void Printer::object(const JsonText& object) {
  if (format_ != OutputFormat::table) {
    write(object.view());
    write("\n");
    return;
  }
  std::vector<std::pair<std::string, std::string>> members;
  std::size_t width = 0;
  (void)JsonSlice(object).each_member(
      [&](const std::string& name, JsonSlice value) -> Result<void> {
        const auto text = value.as_string();
        members.emplace_back(cell_text(name), cell_text(text ? *text : value.bytes(), kUncut));
        width = std::max(width, width_of(members.back().first));
        return {};
      });
  for (const auto& [name, value] : members) write(padded(name, width, false) + "  " + value + "\n");
}

void Printer::line(const std::string& text) {
  if (format_ == OutputFormat::table) write(text + "\n");
}

bool Printer::finish() { return std::fflush(out_) == 0 && std::ferror(out_) == 0; }

}  // namespace rwp::pods::ctl
