#include "server/chunk_decoder.hpp"

#include <algorithm>

namespace rwp::server {
namespace {

constexpr std::size_t kMaxLineBytes = 1024;
constexpr std::size_t kMaxTrailerBytes = std::size_t{8} << 10U;

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// In an extension or a trailer: no control character but tab.
bool is_text(char c) noexcept {
  return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F);
}

}  // namespace

ChunkDecoder::State ChunkDecoder::decode(std::string_view& bytes, std::string& out) {
  while (!bytes.empty() && part_ != Part::done) {
    if (part_ == Part::content) {
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
      out.append(bytes.data(), size);
      bytes.remove_prefix(size);
      left_ -= size;
      if (left_ == 0) part_ = Part::content_end;
      continue;
    }
    const char c = bytes.front();
    bytes.remove_prefix(1);
    const State state = part_ == Part::trailer ? take_trailer(c) : take_size_line(c);
    if (state != State::more) return state;
  }
  return part_ == Part::done ? State::complete : State::more;
}

ChunkDecoder::State ChunkDecoder::take_size_line(char c) {
  if (part_ == Part::content_end) {
    if (c != (after_cr_ ? '\n' : '\r')) return State::malformed;
    if (after_cr_) part_ = Part::size;
    after_cr_ = !after_cr_;
    return State::more;
  }
  if (++line_ > kMaxLineBytes) return State::malformed;
  if (after_cr_) {
    if (c != '\n' || digits_ == 0) return State::malformed;
    after_cr_ = false;
    digits_ = 0;
    line_ = 0;
    if (left_ > room_) return State::too_large;
    room_ -= left_;
    part_ = left_ > 0 ? Part::content : Part::trailer;
    return State::more;
  }
  if (c == '\r') {
    after_cr_ = true;
    return State::more;
  }
  if (part_ == Part::size) {
    if (const int digit = hex_digit(c); digit >= 0) {
      // Sixteen digits are all that a size can have; more could wrap around.
      if (++digits_ > 16) return State::malformed;
      left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
      return State::more;
    }
    if (digits_ == 0 || c != ';') return State::malformed;
    part_ = Part::extension;
    return State::more;
  }
  return is_text(c) ? State::more : State::malformed;
}

ChunkDecoder::State ChunkDecoder::take_trailer(char c) {
  if (++trailer_bytes_ > kMaxTrailerBytes) return State::malformed;
  if (after_cr_) {
    if (c != '\n') return State::malformed;
    after_cr_ = false;
    if (line_ == 0) {
      part_ = Part::done;
      return State::complete;
    }
    line_ = 0;
    return State::more;
  }
  if (c == '\r') {
    after_cr_ = true;
    return State::more;
  }
  ++line_;
  return is_text(c) ? State::more : State::malformed;
}

}  // namespace rwp::server
