#include "server/chunk_decoder.hpp"

#include <gtest/gtest.h>

namespace {

using rwp::server::ChunkDecoder;
using State = ChunkDecoder::State;

struct Decoded {
  State state = State::more;
  std::string content{};
  std::string rest{};
};

/// Decodes in steps of so many bytes.
Decoded decode(std::string_view bytes, std::size_t step, std::uint64_t limit = 1000) {
  ChunkDecoder decoder(limit);
  Decoded decoded;
  while (!bytes.empty() && decoded.state == State::more) {
    std::string_view piece = bytes.substr(0, step);
    const std::size_t size = piece.size();
    decoded.state = decoder.decode(piece, decoded.content);
    bytes.remove_prefix(size - piece.size());
  }
  decoded.rest = std::string(bytes);
  return decoded;
}

State state_of(std::string_view bytes) { return decode(bytes, bytes.size()).state; }

TEST(ChunkDecoderTest, TakesTheCodingOffHoweverTheBytesCome) {
  const std::string bytes =
      "5\r\nhello\r\n00001\r\n,\r\nA;name=\"v a\";x\r\n0123456789\r\n0\r\nT: x\r\n\r\nGET /";
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    const Decoded decoded = decode(bytes, step);
    EXPECT_EQ(decoded.state, State::complete) << step;
    EXPECT_EQ(decoded.content, "hello,0123456789") << step;
    EXPECT_EQ(decoded.rest, "GET /") << step;
  }
}

TEST(ChunkDecoderTest, EndsOnlyWithTheEmptyLine) {
  EXPECT_EQ(state_of("0\r\n"), State::more);
  EXPECT_EQ(state_of("0\r\n\r"), State::more);
  EXPECT_EQ(state_of("0\r\n\r\n"), State::complete);
}

TEST(ChunkDecoderTest, WhatIsNoSizeIsRefused) {
  for (const char* bytes :
       {"\r\n", ";x\r\n", "-1\r\n", "+1\r\n", "0x1\r\n", "g\r\n", " 1\r\n", "1 \r\n", "1\n", "1\rx",
        "1;\n", "1;\x01\r\n", "00000000000000001\r\n", "FFFFFFFFFFFFFFFFF\r\n"}) {
    EXPECT_EQ(state_of(bytes), State::malformed) << bytes;
  }
}

TEST(ChunkDecoderTest, ContentEndsWhereItsSizeSays) {
  EXPECT_EQ(state_of("3\r\nabcd\r\n"), State::malformed);
  EXPECT_EQ(state_of("3\r\nabc\n"), State::malformed);
  EXPECT_EQ(state_of("3\r\nabc\r\r"), State::malformed);
}

TEST(ChunkDecoderTest, ChunkBeyondTheLimitIsRefusedBeforeItsContent) {
  EXPECT_EQ(decode("3E8\r\n", 100).state, State::more);
  EXPECT_EQ(decode("3E9\r\n", 100).state, State::too_large);
  EXPECT_EQ(decode("FFFFFFFFFFFFFFFF\r\n", 100).state, State::too_large);
  const Decoded decoded = decode("5\r\nhello\r\n6\r\nworld!\r\n", 100, 10);
  EXPECT_EQ(decoded.state, State::too_large);
  EXPECT_EQ(decoded.content, "hello");
}

TEST(ChunkDecoderTest, EndlessExtensionsAndTrailersAreRefused) {
  EXPECT_EQ(state_of("1;" + std::string(2000, 'x')), State::malformed);
  std::string trailers = "0\r\n";
  for (int i = 0; i < 2000; ++i) trailers += "T: v\r\n";
  EXPECT_EQ(state_of(trailers), State::malformed);
}

}  // namespace
