#include "core/json_tree.hpp"

#include "core/json_check.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <optional>
#include <system_error>
#include <type_traits>
#include <vector>

namespace rwp {
namespace {

/// An object of so many members is sorted by insertion, without memory of its own.
constexpr std::size_t kFew = 24;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

void append_utf8(char*& out, std::uint32_t code) noexcept {
  const auto put = [&out](std::uint32_t byte) { *out++ = static_cast<char>(byte); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xC0U | code >> 6U);
  } else {
    if (code < 0x10000) {
      put(0xE0U | code >> 12U);
    } else {
      put(0xF0U | code >> 18U);
      put(0x80U | (code >> 12U & 0x3FU));
    }
    put(0x80U | (code >> 6U & 0x3FU));
  }
  put(0x80U | (code & 0x3FU));
}

template <class T>
const T* keep(std::pmr::memory_resource& arena, const T* from, std::size_t count) {
  static_assert(std::is_trivially_destructible_v<T>);
  if (count == 0) return nullptr;
  auto* kept = static_cast<T*>(arena.allocate(count * sizeof(T), alignof(T)));
  std::uninitialized_copy_n(from, count, kept);
  return kept;
}

/// Reads checked text; anything odd is left to another. Decodes strings within the text.
class Parser {
 public:
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): to fill buffer_ takes half a parse.
  Parser(std::string& text, std::pmr::memory_resource& arena)
      : arena_(arena), at_(text.data()), end_(text.data() + text.size()) {}

  std::optional<JsonNode> run() {
    while (true) {
      JsonNode node;
      bool opened = false;
      if (!value(node, opened)) return std::nullopt;
      if (opened) continue;
      // Out of all levels that end here.
      while (true) {
        skip_space();
        if (levels_.empty()) return at_ == end_ ? std::optional(node) : std::nullopt;
        pending_.push_back({name_, node});
        const bool in_object = levels_.back().is_object;
        if (take(',')) {
          if (in_object && !read_name()) return std::nullopt;
          break;
        }
        if (!take(in_object ? '}' : ']')) return std::nullopt;
        node = end_level();
      }
    }
  }

 private:
  struct Level {
    std::size_t first = 0;
    bool is_object = false;
    /// Its own in the level around it.
    std::string_view name{};
  };

  char peek() const noexcept { return at_ < end_ ? *at_ : '\0'; }
  bool take(char c) noexcept {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void skip_space() noexcept {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\t' || *at_ == '\r')) ++at_;
  }

  bool value(JsonNode& node, bool& opened) {
    skip_space();
    switch (peek()) {
      case '{':
      case '[':
        return begin_level(node, opened);
      case '"': {
        const auto text = read_string();
        if (text) node.value = *text;
        return text.has_value();
      }
      case 't':
        node.value = true;
        return word("true");
      case 'f':
        node.value = false;
        return word("false");
      case 'n':
        return word("null");
      default:
        return number(node);
    }
  }

  bool begin_level(JsonNode& node, bool& opened) {
    const bool is_object = *at_++ == '{';
    levels_.push_back({pending_.size(), is_object, name_});
    skip_space();
    if (take(is_object ? '}' : ']')) {
      node = end_level();
      return true;
    }
    opened = true;
    return !is_object || read_name();
  }

  JsonNode end_level() {
    const Level level = levels_.back();
    levels_.pop_back();
    JsonNode node;
    JsonMember* first = pending_.data() + level.first;
    const std::size_t count = pending_.size() - level.first;
    if (level.is_object) {
      const std::size_t left = sort(first, count);
      node.value = JsonMembers{keep(arena_, first, left), left};
    } else {
      auto* items = count == 0 ? nullptr
                               : static_cast<JsonNode*>(
                                     arena_.allocate(count * sizeof(JsonNode), alignof(JsonNode)));
      for (std::size_t i = 0; i < count; ++i) std::construct_at(items + i, first[i].value);
      node.value = JsonItems{items, count};
    }
    pending_.resize(level.first);
    name_ = level.name;
    return node;
  }

  /// By name; of members of one name the last stays. How many there are then.
  static std::size_t sort(JsonMember* first, std::size_t count) {
    const auto by_name = [](const JsonMember& a, const JsonMember& b) { return a.name < b.name; };
    if (count <= kFew) {
      for (std::size_t i = 1; i < count; ++i) {
        if (!by_name(first[i], first[i - 1])) continue;
        const JsonMember moved = first[i];
        std::size_t place = i;
        for (; place > 0 && by_name(moved, first[place - 1]); --place) {
          first[place] = first[place - 1];
        }
        first[place] = moved;
      }
    } else {
      std::stable_sort(first, first + count, by_name);
    }
    std::size_t left = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (left > 0 && first[left - 1].name == first[i].name) --left;
      first[left++] = first[i];
    }
    return left;
  }

  bool read_name() {
    skip_space();
    if (peek() != '"') return false;
    const auto name = read_string();
    if (!name) return false;
    name_ = *name;
    skip_space();
    return take(':');
  }

  bool word(std::string_view whole) noexcept {
    if (std::string_view(at_, static_cast<std::size_t>(end_ - at_)).substr(0, whole.size()) !=
        whole) {
      return false;
    }
    at_ += whole.size();
    return true;
  }

  std::optional<std::string_view> read_string() {
    char* begin = ++at_;
    at_ += plain_run({at_, static_cast<std::size_t>(end_ - at_)});
    while (at_ < end_ && *at_ != '"' && *at_ != '\\') {
      if (static_cast<unsigned char>(*at_) < 0x20) return std::nullopt;
      ++at_;
    }
    char* out = at_;
    while (at_ < end_ && *at_ != '"') {
      if (*at_ == '\\') {
        if (!escape(out)) return std::nullopt;
      } else if (static_cast<unsigned char>(*at_) < 0x20) {
        return std::nullopt;
      } else {
        *out++ = *at_++;
      }
    }
    if (!take('"')) return std::nullopt;
    return std::string_view(begin, static_cast<std::size_t>(out - begin));
  }

  bool escape(char*& out) noexcept {
    if (end_ - at_ < 2) return false;
    const char kind = at_[1];
    at_ += 2;
    constexpr std::string_view kKinds = "\"\\/bfnrt";
    constexpr std::string_view kMeant = "\"\\/\b\f\n\r\t";
    if (kind != 'u') {
      const std::size_t place = kKinds.find(kind);
      if (place == std::string_view::npos) return false;
      *out++ = kMeant[place];
      return true;
    }
    auto code = hex();
    if (!code || (*code >= 0xDC00 && *code <= 0xDFFF)) return false;
    if (*code >= 0xD800 && *code <= 0xDBFF) {
      if (end_ - at_ < 2 || at_[0] != '\\' || at_[1] != 'u') return false;
      at_ += 2;
      const auto low = hex();
      if (!low || *low < 0xDC00 || *low > 0xDFFF) return false;
      code = 0x10000U + ((*code - 0xD800U) << 10U) + (*low - 0xDC00U);
    }
    // Never longer than what it was written as.
    append_utf8(out, *code);
    return true;
  }

  std::optional<std::uint32_t> hex() noexcept {
    if (end_ - at_ < 4) return std::nullopt;
    std::uint32_t code = 0;
    const auto [stopped, problem] = std::from_chars(at_, at_ + 4, code, 16);
    if (problem != std::errc() || stopped != at_ + 4) return std::nullopt;
    at_ += 4;
    return code;
  }

  bool number(JsonNode& node) noexcept {
    const char* begin = at_;
    const char* look = at_;
    const bool negative = look < end_ && *look == '-';
    if (negative) ++look;
    const char* digits = look;
    while (look < end_ && is_digit(*look)) ++look;
    if (look == digits) return false;
    const bool whole = look == end_ || (*look != '.' && *look != 'e' && *look != 'E');
    if (whole && (negative ? read<std::int64_t>(node, begin) : read<std::uint64_t>(node, begin))) {
      return true;
    }
    return read<double>(node, begin);
  }

  template <class Number>
  bool read(JsonNode& node, const char* begin) noexcept {
    Number number{};
    const auto [stopped, problem] = std::from_chars(begin, static_cast<const char*>(end_), number);
    if (problem != std::errc()) return false;
    node.value = number;
    at_ += stopped - begin;
    return true;
  }

  std::pmr::memory_resource& arena_;
  char* at_;
  char* const end_;
  std::string_view name_;
  /// What small documents need, without a call for memory.
  std::array<std::byte, 4'096> buffer_;
  std::pmr::monotonic_buffer_resource own_{buffer_.data(), buffer_.size()};
  std::pmr::vector<Level> levels_{&own_};
  /// Of the levels that are open, what has been read.
  std::pmr::vector<JsonMember> pending_{&own_};
};

/// Nodes for so much text, as a rule.
std::size_t first_bytes(std::size_t text_bytes) {
  return std::clamp<std::size_t>(text_bytes, 512, std::size_t{64} << 10U);
}

}  // namespace

JsonTree::JsonTree(const JsonText& text) : text_(text.str()), arena_(first_bytes(text.size())) {
  const auto read = Parser(text_, arena_).run();
  root_ = read ? *read : read_odd_json(text, arena_);
}

}  // namespace rwp
