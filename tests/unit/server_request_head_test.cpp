#include "server/head_scanner.hpp"
#include "server/request_head.hpp"

#include <gtest/gtest.h>

namespace {

using namespace rwp::server;  // NOLINT(google-build-using-namespace): a test of this component.
using State = HeadScanner::State;

State scan(std::string_view bytes, std::size_t limit = 1024) {
  HeadScanner scanner(limit);
  return scanner.scan(bytes);
}

/// 0 when the head is accepted, else the refusal's status.
int status_of(const std::string& lines, RequestHead* head = nullptr) {
  Request request;
  RequestHead own;
  const auto problem = parse_request_head(lines + "\r\n", request, head != nullptr ? *head : own);
  return problem ? problem->status : 0;
}

int status_with(const std::string& headers, RequestHead* head = nullptr) {
  return status_of("POST /x HTTP/1.1\r\nHost: h\r\n" + headers, head);
}

TEST(HeadScannerTest, FindsTheEndHoweverTheBytesCome) {
  const std::string head = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string bytes = head + "BODY\n\n";
  for (std::size_t step = 1; step <= bytes.size(); ++step) {
    HeadScanner scanner(1024);
    State state = State::more;
    for (std::size_t size = step; state == State::more; size += step) {
      ASSERT_LE(size, bytes.size() + step);
      state = scanner.scan(std::string_view(bytes).substr(0, size));
    }
    EXPECT_EQ(state, State::complete) << step;
    EXPECT_EQ(scanner.size(), head.size()) << step;
  }
}

TEST(HeadScannerTest, LooseLineEndsFoldsAndNulAreRefused) {
  EXPECT_EQ(scan("GET / HTTP/1.1\n"), State::malformed);
  EXPECT_EQ(scan("GET / HTTP/1.1\r\nHost: x\n"), State::malformed);
  EXPECT_EQ(scan("GET / HTTP/1.1\r\nA: b\r\n c\r\n"), State::malformed);
  EXPECT_EQ(scan("GET / HTTP/1.1\r\nA: b\r\n\tc\r\n"), State::malformed);
  EXPECT_EQ(scan(std::string_view("GET / HTTP/1.1\r\nA: \0b", 21)), State::malformed);
}

TEST(HeadScannerTest, NonsenseIsRefusedAtItsFirstByte) {
  EXPECT_EQ(scan("\x16\x03\x01"), State::malformed);
  EXPECT_EQ(scan(" GET"), State::malformed);
}

TEST(HeadScannerTest, EndlessLinesAndHeadsAreRefusedAtTheLimit) {
  EXPECT_EQ(scan("GET /" + std::string(100, 'a'), 64), State::line_too_long);
  EXPECT_EQ(scan("GET / HTTP/1.1\r\nA: " + std::string(100, 'a'), 64), State::too_long);
  EXPECT_EQ(scan("GET / HTTP/1.1\r\nA: " + std::string(100, 'a'), 200), State::more);
}

TEST(RequestHeadTest, PlainRequestIsRead) {
  Request request;
  RequestHead head;
  const auto problem = parse_request_head(
      "PATCH /a?b HTTP/1.1\r\nHost: h\r\nX-One:  two \r\nContent-Length: 12\r\n\r\n", request,
      head);

  ASSERT_FALSE(problem) << problem->detail;
  EXPECT_EQ(request.method, "PATCH");
  EXPECT_EQ(request.target, "/a?b");
  EXPECT_EQ(request.headers.find("x-one"), "two");
  EXPECT_EQ(head.body, BodyKind::sized);
  EXPECT_EQ(head.content_length, 12U);
  EXPECT_TRUE(head.keep_alive);
}

TEST(RequestHeadTest, WhatTwoReadersCouldReadInTwoWaysIsRefused) {
  EXPECT_EQ(status_with("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400);
  EXPECT_EQ(status_with("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400);
  EXPECT_EQ(status_with("Content-Length: 5\r\nContent-Length: 5\r\n"), 400);
  EXPECT_EQ(status_with("Content-Length: 5\r\nContent-Length: 6\r\n"), 400);
  EXPECT_EQ(status_with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400);
  for (const char* length : {"5, 5", "+5", "-1", "0x5", "5 5", "", "99999999999999999999", "5a"}) {
    EXPECT_EQ(status_with(std::string("Content-Length: ") + length + "\r\n"), 400) << length;
  }
  EXPECT_EQ(status_with("Transfer-Encoding : chunked\r\n"), 400);
  EXPECT_EQ(status_with("Bad Name: x\r\n"), 400);
  EXPECT_EQ(status_with(": x\r\n"), 400);
  EXPECT_EQ(status_with("A: b\x01\r\n"), 400);
  EXPECT_EQ(status_with("A: b\rc\r\n"), 400);
  EXPECT_EQ(status_with("no colon\r\n"), 400);
}

TEST(RequestHeadTest, OtherTransferCodingsAreNotImplemented) {
  EXPECT_EQ(status_with("Transfer-Encoding: gzip\r\n"), 501);
  EXPECT_EQ(status_with("Transfer-Encoding: gzip, chunked\r\n"), 501);
  EXPECT_EQ(status_with("Transfer-Encoding: xchunked\r\n"), 501);
  EXPECT_EQ(status_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n"), 400);
  RequestHead head;
  EXPECT_EQ(status_with("Transfer-Encoding: Chunked\r\n", &head), 0);
  EXPECT_EQ(head.body, BodyKind::chunked);
}

TEST(RequestHeadTest, HostIsThereOnce) {
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.0\r\n"), 0);
}

TEST(RequestHeadTest, OtherVersionsAreNamed) {
  EXPECT_EQ(status_of("GET / HTTP/2.0\r\nHost: h\r\n"), 505);
  EXPECT_EQ(status_of("PRI * HTTP/2.0\r\n"), 505);
  EXPECT_EQ(status_of("GET / HTTP/0.9\r\n"), 505);
  EXPECT_EQ(status_of("GET /\r\n"), 400);
  EXPECT_EQ(status_of("GET / HTTP/1.1 \r\nHost: h\r\n"), 400);
  EXPECT_EQ(status_of("GET  / HTTP/1.1\r\nHost: h\r\n"), 400);
  EXPECT_EQ(status_of("GET / http/1.1\r\nHost: h\r\n"), 400);
}

TEST(RequestHeadTest, KeepAliveFollowsVersionAndWish) {
  const auto keeps = [](const std::string& lines) {
    RequestHead head;
    EXPECT_EQ(status_of(lines, &head), 0) << lines;
    return head.keep_alive;
  };
  EXPECT_TRUE(keeps("GET / HTTP/1.1\r\nHost: h\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.1\r\nHost: h\r\nConnection: Close\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\n"));
  EXPECT_TRUE(keeps("GET / HTTP/1.0\r\nConnection: keep-alive\r\n"));
}

TEST(RequestHeadTest, OnlyOneExpectationIsMet) {
  RequestHead head;
  EXPECT_EQ(status_with("Content-Length: 5\r\nExpect: 100-Continue\r\n", &head), 0);
  EXPECT_TRUE(head.expects_continue);
  EXPECT_EQ(status_with("Content-Length: 5\r\nExpect: tea\r\n"), 417);
}

TEST(RequestHeadTest, AtMost100Fields) {
  std::string headers;
  for (int i = 0; i < 99; ++i) headers += "A: b\r\n";
  EXPECT_EQ(status_with(headers), 0);
  EXPECT_EQ(status_with(headers + "A: b\r\n"), 431);
}

}  // namespace
