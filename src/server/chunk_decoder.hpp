#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace rwp::server {

/// Takes the chunked transfer coding off a body (RFC 9112, section 7.1) as its bytes come in.
/// Extensions and trailers are read over; a line of size and extension has at most 1 KiB, the
/// trailers 8 KiB.
class ChunkDecoder {
 public:
  enum class State : std::uint8_t { more, complete, malformed, too_large };

  explicit ChunkDecoder(std::uint64_t max_body_bytes) noexcept : room_(max_body_bytes) {}

  /// Appends the content in `bytes` to `out` and removes from the front of `bytes` what it used up.
  /// `too_large`: a chunk's size would pass the limit; nothing of that chunk is taken.
  State decode(std::string_view& bytes, std::string& out);

 private:
  enum class Part : std::uint8_t { size, extension, content, content_end, trailer, done };

  State take_size_line(char c);
  State take_trailer(char c);

  std::uint64_t room_;
  std::uint64_t left_ = 0;
  Part part_ = Part::size;
  unsigned digits_ = 0;
  std::size_t line_ = 0;
  std::size_t trailer_bytes_ = 0;
  bool after_cr_ = false;
};

}  // namespace rwp::server
