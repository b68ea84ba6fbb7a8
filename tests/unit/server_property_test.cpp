// Bytes that are nearly requests: no parser reads outside them, none takes them in two ways.

#include "server/chunk_decoder.hpp"
#include "server/head_scanner.hpp"
#include "server/request_head.hpp"
#include "server/target.hpp"
#include "support/property.hpp"
#include <rwp/core/utf8.hpp>

#include <gtest/gtest.h>

#include <array>
#include <memory>

namespace {

using namespace rwp::server;  // NOLINT(google-build-using-namespace): a test of this component.
using rwp::tests::Dice;

constexpr std::array<std::string_view, 24> kBits = {
    "\r\n", "\n", "\r", " ", "\t", ":",  ";",    "%", "%2e", "%00",       "/..",  "?",
    "&",    "=",  "#",  "0", "5",  "\0", "\xFF", "é", "*",   "http://h/", "HTTP", "chunked"};

/// `text` with a few bits put in, taken out, or written over.
std::string spoil(std::string text, Dice& dice) {
  for (std::size_t left = dice.roll(4); left > 0 && !text.empty(); --left) {
    const std::size_t at = dice.roll(text.size());
    const std::string_view bit = kBits[dice.roll(kBits.size())];
    switch (dice.roll(3)) {
      case 0:
        text.insert(at, bit);
        break;
      case 1:
        text.erase(at, 1 + dice.roll(4));
        break;
      default:
        text.replace(at, std::min(bit.size(), text.size() - at), bit);
        break;
    }
  }
  return text;
}

/// Of its own size on the heap, so that a sanitizer sees a byte read past its end.
struct Exact {
  explicit Exact(const std::string& text) : bytes(new char[text.size() + 1]), size(text.size()) {
    std::copy(text.begin(), text.end(), bytes.get());
  }
  std::string_view view() const { return std::string_view(bytes.get(), size); }
  std::unique_ptr<char[]> bytes;  // NOLINT(modernize-avoid-c-arrays)
  std::size_t size;
};

TEST(ServerPropertyTest, AcceptedHeadsAreUnambiguous) {
  const std::uint64_t seed = rwp::tests::property_seed();
  SCOPED_TRACE("RWP_PROPERTY_SEED=" + std::to_string(seed));
  Dice dice(seed);
  const std::string whole =
      "POST /a/b%20c?x=y&z HTTP/1.1\r\nHost: h\r\nA: b\r\nContent-Length: 5\r\n"
      "Transfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n";
  std::uint64_t accepted = 0;
  const std::uint64_t rounds = rwp::tests::property_sequences(20'000);
  for (std::uint64_t i = 0; i < rounds; ++i) {
    std::string text = whole;
    // One of the two framings, mostly.
    if (!dice.one_in(8)) {
      const std::string out =
          dice.one_in(2) ? "Content-Length: 5\r\n" : "Transfer-Encoding: chunked\r\n";
      text.erase(text.find(out), out.size());
    }
    const Exact bytes(spoil(std::move(text), dice));
    HeadScanner scanner(4096);
    if (scanner.scan(bytes.view()) != HeadScanner::State::complete) continue;
    const std::string_view head_bytes = bytes.view().substr(0, scanner.size());
    Request request;
    RequestHead head;
    if (parse_request_head(head_bytes, request, head)) continue;
    ++accepted;

    std::size_t framings = 0;
    for (const auto& [name, value] : request.headers) {
      ASSERT_TRUE(rwp::net::valid_header(name, value)) << head_bytes;
      framings += rwp::net::equal_without_case(name, "content-length") ? 1U : 0U;
      framings += rwp::net::equal_without_case(name, "transfer-encoding") ? 1U : 0U;
    }
    ASSERT_LE(framings, 1U) << head_bytes;
    std::vector<Segment> segments;
    if (parse_target(request, segments) || request.path == "*") continue;
    ASSERT_TRUE(request.path.starts_with('/')) << head_bytes;
    ASSERT_TRUE(rwp::is_valid_utf8(request.path)) << head_bytes;
    ASSERT_EQ(request.path.find('\0'), std::string::npos) << head_bytes;
    for (const Segment& segment : segments) {
      ASSERT_NE(segment.in(request.path), "..") << head_bytes;
      ASSERT_NE(segment.in(request.path), ".") << head_bytes;
    }
  }
  EXPECT_GT(accepted, rounds / 20);
}

TEST(ServerPropertyTest, ChunksMeanTheSameHoweverTheyCome) {
  const std::uint64_t seed = rwp::tests::property_seed();
  SCOPED_TRACE("RWP_PROPERTY_SEED=" + std::to_string(seed));
  Dice dice(seed);
  const std::uint64_t rounds = rwp::tests::property_sequences(20'000);
  for (std::uint64_t i = 0; i < rounds; ++i) {
    const Exact bytes(spoil("5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\nT: u\r\n\r\nGET /", dice));
    ChunkDecoder at_once(1000);
    std::string whole;
    std::string_view rest = bytes.view();
    const auto state = at_once.decode(rest, whole);

    ChunkDecoder in_pieces(1000);
    std::string pieces;
    auto piece_state = ChunkDecoder::State::more;
    std::size_t used = 0;
    while (used < bytes.size && piece_state == ChunkDecoder::State::more) {
      std::string_view piece = bytes.view().substr(used, 1 + dice.roll(7));
      const std::size_t size = piece.size();
      piece_state = in_pieces.decode(piece, pieces);
      used += size - piece.size();
    }
    ASSERT_EQ(piece_state, state) << bytes.view();
    ASSERT_EQ(pieces, whole) << bytes.view();
    ASSERT_EQ(used, bytes.size - rest.size()) << bytes.view();
    ASSERT_LE(whole.size(), 1000U);
  }
}

}  // namespace
