#include <rwp/ai/token_estimate.hpp>
#include <rwp/core/utf8.hpp>

#include <algorithm>
#include <cstddef>

namespace rwp::ai {
namespace {

/// Tokens are counted in thousandths here.
constexpr std::int64_t kToken = 1'000;

enum class Kind : std::uint8_t { letter, digit, space, line_end, sign, other };

Kind kind_of(unsigned char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) return Kind::letter;
  if (c >= '0' && c <= '9') return Kind::digit;
  if (c == '\n' || c == '\r') return Kind::line_end;
  if (c == ' ' || c == '\t' || c == '\v' || c == '\f') return Kind::space;
  return c < 0x80 ? Kind::sign : Kind::other;
}

/// What a character of a script takes, in thousandths: as o200k_base has it, and as the older
/// cl100k_base, which knows fewer of their words.
struct Script {
  std::int64_t expected = 0;
  std::int64_t at_most = 0;
};

Script script_of(char32_t c) {
  if (c < 0x250) return {400, 1'000};                    // Latin with marks.
  if (c < 0x600) return {320, 1'000};                    // Greek, Cyrillic, Hebrew.
  if (c < 0x900) return {400, 1'200};                    // Arabic.
  if (c < 0x1100) return {500, 1'800};                   // The scripts of India, Thai.
  if (c >= 0x2000 && c < 0x2E80) return {1'000, 2'000};  // Dashes, quotes, arrows, bullets.
  if (c < 0xAC00) return {750, 1'600};                   // Kana, Chinese.
  if (c < 0xD7B0) return {700, 1'600};                   // Korean.
  return {2'500, 4'000};                                 // Emoji and all that is rare.
}

class Counter {
 public:
  explicit Counter(std::string_view text) : text_(text) {}

  TokenEstimate count() {
    while (at_ < text_.size()) {
      switch (kind_of(static_cast<unsigned char>(text_[at_]))) {
        case Kind::letter:
          take_word();
          break;
        case Kind::digit:
          take_digits();
          break;
        case Kind::space:
        case Kind::line_end:
          take_space();
          break;
        case Kind::sign:
          take_signs();
          break;
        case Kind::other:
          take_other();
          break;
      }
    }
    const auto bytes = static_cast<std::int64_t>(text_.size());
    TokenEstimate estimate;
    estimate.expected = std::min((expected_ + kToken - 1) / kToken, bytes);
    estimate.at_most = std::clamp((at_most_ + at_most_ / 25 + kToken - 1) / kToken + 3,
                                  estimate.expected, std::max(bytes, estimate.expected));
    return estimate;
  }

 private:
  void add(std::int64_t expected, std::int64_t at_most) {
    expected_ += expected;
    at_most_ += at_most;
  }

  /// The end of the run of this kind that begins here, at most `most` bytes on.
  std::size_t run(Kind kind, std::size_t begin) const {
    while (begin < text_.size() && kind_of(static_cast<unsigned char>(text_[begin])) == kind) {
      ++begin;
    }
    return begin;
  }

  void take_word() {
    const std::size_t end = run(Kind::letter, at_);
    const auto length = static_cast<std::int64_t>(end - at_);
    std::int64_t capitals = 0;
    std::int64_t turns = 0;  // From small to capital: the pieces of camelCase, or no word at all.
    for (std::size_t i = at_; i < end; ++i) {
      const bool capital = text_[i] <= 'Z';
      if (capital) ++capitals;
      if (capital && i > at_ && text_[i - 1] > 'Z') ++turns;
    }
    // What touches digits is a code or a key rather than a word.
    const bool after_digit =
        at_ > 0 && kind_of(static_cast<unsigned char>(text_[at_ - 1])) == Kind::digit;
    const bool before_digit =
        end < text_.size() && kind_of(static_cast<unsigned char>(text_[end])) == Kind::digit;
    at_ = end;
    if (turns > 0 || ((after_digit || before_digit) && length > 1)) {
      return add(std::max(kToken + turns * kToken, length * 500), length * 800 + kToken);
    }
    if (capitals > 1 && capitals == length) {
      return add(std::max(kToken, length * 330), std::max(kToken, length * 600));
    }
    if (length <= 3) return add(1'015, 1'060);
    if (length <= 6) return add(1'035, 1'130);
    if (length <= 8) return add(1'065, 1'230);
    if (length <= 11) return add(1'140, 1'400);
    if (length <= 14) return add(1'310, 1'700);
    add(length * 125, length * 250);
  }

  void take_digits() {
    const std::size_t end = run(Kind::digit, at_);
    const auto groups = static_cast<std::int64_t>((end - at_ + 2) / 3);
    at_ = end;
    add(groups * kToken, groups * kToken);
  }

  /// One blank is a part of the word behind it.
  void take_space() {
    std::size_t end = at_;
    bool line_end = false;
    while (end < text_.size()) {
      const Kind kind = kind_of(static_cast<unsigned char>(text_[end]));
      if (kind != Kind::space && kind != Kind::line_end) break;
      line_end = line_end || kind == Kind::line_end;
      ++end;
    }
    const std::size_t length = end - at_;
    const bool joins =
        end < text_.size() && kind_of(static_cast<unsigned char>(text_[end])) != Kind::digit;
    const bool blank_behind = length > 1 && text_[end - 1] == ' ';
    at_ = end;
    if (length == 1 && !line_end && joins) return;
    const auto more = static_cast<std::int64_t>(length / 16);
    add(line_end && blank_behind ? 950 : 850, 1'050 + more * kToken);
  }

  void take_signs() {
    const std::size_t end = run(Kind::sign, at_);
    const auto length = static_cast<std::int64_t>(end - at_);
    at_ = end;
    if (length == 1) return add(900, 1'000);
    add(500 + length * 300, length * 800);
  }

  void take_other() {
    const std::size_t length = utf8_sequence_length(text_.substr(at_));
    if (length == 0) {  // Not UTF-8: nothing is known of it.
      ++at_;
      return add(kToken, 2 * kToken);
    }
    char32_t c = static_cast<unsigned char>(text_[at_]) & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
      c = (c << 6U) | (static_cast<unsigned char>(text_[at_ + i]) & 0x3FU);
    }
    at_ += length;
    const Script script = script_of(c);
    add(script.expected, script.at_most);
  }

  const std::string_view text_;
  std::size_t at_ = 0;
  std::int64_t expected_ = 0;
  std::int64_t at_most_ = 0;
};

void add(TokenEstimate& sum, TokenEstimate more) {
  sum.expected += more.expected;
  sum.at_most += more.at_most;
}

}  // namespace

TokenEstimate estimate_tokens(std::string_view text) { return Counter(text).count(); }

TokenEstimate estimate_input(const ChatRequest& request) {
  constexpr std::int64_t kMessage = 4;  // Role and marks.
  constexpr std::int64_t kReply = 3;    // The beginning of the answer.
  // A picture's tokens follow from its size, which is not known of an address: a middling one is
  // expected, and the dearest that the price lists of the gpt-4o family have is the bound.
  constexpr TokenEstimate kImage{800, 2'000};
  constexpr TokenEstimate kSmallImage{85, 200};
  TokenEstimate sum{kReply, kReply};
  for (const auto& message : request.messages) {
    add(sum, estimate_tokens(message.content));
    add(sum, {kMessage, kMessage});
    for (const auto& image : message.images) {
      add(sum, image.detail == "low" ? kSmallImage : kImage);
    }
    for (const auto& call : message.tool_calls) {
      add(sum, estimate_tokens(call.name));
      add(sum, estimate_tokens(call.arguments));
    }
  }
  for (const auto& tool : request.tools) {
    const auto told = estimate_tokens(tool.parameters.view());
    add(sum, estimate_tokens(tool.name));
    add(sum, estimate_tokens(tool.description));
    add(sum, {told.expected + 10, 2 * told.at_most + 50});
  }
  if (request.output_schema) {
    // Providers put it into a form of their own, which is not published.
    const auto schema = estimate_tokens(request.output_schema->schema.view());
    add(sum, {schema.expected, 2 * schema.at_most + 50});
  }
  if (request.wire) {
    add(sum, {request.wire->other_input_tokens, request.wire->other_input_tokens_at_most});
  }
  return sum;
}

TokenEstimate estimate_input(const EmbedRequest& request) {
  TokenEstimate sum;
  for (const auto& input : request.inputs) add(sum, estimate_tokens(input));
  return sum;
}

}  // namespace rwp::ai
