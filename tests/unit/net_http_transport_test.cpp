#include "net/curl_answer.hpp"
#include "support/run.hpp"
#include <rwp/core/runtime.hpp>
#include <rwp/net/http_transport.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <vector>

namespace rwp::tests {
namespace {

using net::HttpRequest;
using ::testing::HasSubstr;
using ::testing::Not;

/// An answer in pieces.
class PiecesExchange final : public net::HttpExchange {
 public:
  PiecesExchange(net::HttpResponseHead head, std::vector<std::string> pieces)
      : head_(std::move(head)), pieces_(std::move(pieces)) {}
  const net::HttpResponseHead& head() const noexcept override { return head_; }
  boost::asio::awaitable<Result<std::string>> read() override {
    if (next_ == pieces_.size()) co_return std::string();
    co_return pieces_[next_++];
  }

 private:
  net::HttpResponseHead head_;
  std::vector<std::string> pieces_;
  std::size_t next_ = 0;
};

class PiecesTransport final : public net::HttpTransport {
 public:
  net::HttpResponseHead head{};
  std::vector<std::string> pieces{};
  int opened = 0;

 private:
  boost::asio::awaitable<Result<std::unique_ptr<net::HttpExchange>>> do_open(HttpRequest) override {
    ++opened;
    co_return std::make_unique<PiecesExchange>(head, pieces);
  }
};

class HttpTransportTest : public ::testing::Test {
 protected:
  Result<net::HttpResponse> send(HttpRequest request) {
    return run(runtime_, transport_.send(std::move(request)));
  }
  static HttpRequest request_to(std::string url) {
    HttpRequest request;
    request.url = std::move(url);
    return request;
  }

  Runtime runtime_;
  PiecesTransport transport_;
};

TEST_F(HttpTransportTest, PiecesAreGatheredToTheWholeBody) {
  transport_.head.status = 404;
  transport_.pieces = {"not", " ", "here"};

  const auto response = send(request_to("http://host/path")).value();

  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(response.body, "not here");
}

TEST_F(HttpTransportTest, ABodyBeyondTheBoundIsCorrupt) {
  transport_.pieces = {"12345", "6"};
  HttpRequest request = request_to("http://host/");
  request.max_response_bytes = 5;

  EXPECT_EQ(send(request).error().code(), Errc::corrupt);
  request.max_response_bytes = 6;
  EXPECT_EQ(send(request).value().body, "123456");
}

TEST_F(HttpTransportTest, AnAnnouncedBodyBeyondTheBoundIsNotWaitedFor) {
  transport_.head.headers.add("Content-Length", "6");
  HttpRequest request = request_to("http://host/");
  request.max_response_bytes = 5;

  EXPECT_EQ(send(request).error().code(), Errc::corrupt);
}

TEST_F(HttpTransportTest, UrlsThatNameNoHostOfHttpAreRefused) {
  const std::vector<std::string> bad = {
      "",
      "host/path",
      "ftp://host/",
      "file:///etc/passwd",
      "http://",
      "http:///path",
      "http://user:secret@host/",
      "http://host:0/",
      "http://host:65536/",
      "http://host:/",
      "http://host:80x/",
      "http://ho st/",
      "http://host/a b",
      "http://host/\r\nX: y",
      "http://h\xc3\xb6st/",
      "http://[::1/",
      "http://[zz]/",
      "http://good\\@evil/",
      "http://host/" + std::string(33'000, 'a'),
  };
  for (const std::string& url : bad) {
    EXPECT_EQ(send(request_to(url)).error().code(), Errc::invalid_argument) << url;
  }
  EXPECT_EQ(transport_.opened, 0);
}

TEST_F(HttpTransportTest, OrdinaryUrlsAreTaken) {
  for (const char* url : {"http://host", "HTTPS://Host.example:8443/a?b=c#d", "http://[::1]:80/",
                          "http://127.0.0.1?x=%20", "http://a_b.local/"}) {
    EXPECT_TRUE(send(request_to(url)).has_value()) << url;
  }
}

TEST_F(HttpTransportTest, HeadersThatCouldSmuggleAreRefused) {
  const std::vector<net::HttpHeaders::Field> bad = {{"X", "a\r\nY: b"},
                                                    {"X", "a\nb"},
                                                    {"X", std::string("a\0b", 3)},
                                                    {"X: y", "z"},
                                                    {"", "z"},
                                                    {"X\r\n", "z"},
                                                    {"Host", "other"},
                                                    {"CONTENT-LENGTH", "1"},
                                                    {"Transfer-Encoding", "chunked"},
                                                    {"connection", "close"},
                                                    {"Expect", "100-continue"},
                                                    {"Upgrade", "h2c"}};
  for (const auto& [name, value] : bad) {
    HttpRequest request = request_to("http://host/");
    request.headers.add(name, value);
    EXPECT_EQ(send(request).error().code(), Errc::invalid_argument) << name;
  }
  EXPECT_EQ(transport_.opened, 0);
}

TEST_F(HttpTransportTest, HeadersAreBoundedInNumberAndBytes) {
  HttpRequest many = request_to("http://host/");
  for (int i = 0; i < 257; ++i) many.headers.add("X", "y");
  HttpRequest large = request_to("http://host/");
  large.headers.add("X", std::string(65'536, 'y'));

  EXPECT_EQ(send(many).error().code(), Errc::invalid_argument);
  EXPECT_EQ(send(large).error().code(), Errc::invalid_argument);
}

TEST_F(HttpTransportTest, MethodsAndBodiesThatMakeNoRequestAreRefused) {
  const auto refused = [this](const std::function<void(HttpRequest&)>& spoil) {
    HttpRequest request = request_to("http://host/");
    spoil(request);
    return send(request).error().code() == Errc::invalid_argument;
  };
  const auto no_body = []() -> boost::asio::awaitable<Result<std::string>> {
    co_return std::string();
  };

  EXPECT_TRUE(refused([](HttpRequest& request) { request.method = "GET / HTTP/1.1\r\n"; }));
  EXPECT_TRUE(refused([](HttpRequest& request) { request.method = ""; }));
  EXPECT_TRUE(refused([](HttpRequest& request) { request.method = "CONNECT"; }));
  EXPECT_TRUE(refused([](HttpRequest& request) {
    request.method = "HEAD";
    request.body = "x";
  }));
  EXPECT_TRUE(refused([&](HttpRequest& request) {
    request.body = "x";
    request.body_source = no_body;
  }));
  EXPECT_TRUE(refused([](HttpRequest& request) { request.body_source_bytes = 3; }));
  EXPECT_TRUE(
      refused([](HttpRequest& request) { request.idle_timeout = std::chrono::milliseconds(-1); }));
}

TEST_F(HttpTransportTest, ARequestIsDescribedWithoutItsSecrets) {
  HttpRequest request = request_to("https://user:pass@host.example:8443/v1/x?key=secret#part");
  request.method = "POST";
  request.headers.add("Authorization", "secret");

  EXPECT_EQ(describe_request(request), "POST https://host.example:8443/v1/x");
  request.url = "http://host?key=secret";
  EXPECT_EQ(describe_request(request), "POST http://host/");
  request.url = "secret";
  EXPECT_THAT(describe_request(request), Not(HasSubstr("secret")));
  request.url = "http://host/a\r\nb";
  EXPECT_EQ(describe_request(request), "POST http://host/a??b");
}

TEST(AnswerHeaderTest, InformationalHeadsArePassedOver) {
  net::AnswerHeader header;
  for (const char* line : {"HTTP/1.1 103 Early Hints\r\n", "Link: x\r\n", "\r\n"}) {
    ASSERT_TRUE(header.take_line(line));
    EXPECT_FALSE(header.complete());
  }
  for (const char* line : {"HTTP/2 204 \r\n", "X-Id:  7 \r\n", "\r\n"}) {
    ASSERT_TRUE(header.take_line(line));
  }

  EXPECT_TRUE(header.complete());
  EXPECT_EQ(header.head().status, 204);
  EXPECT_EQ(header.head().http_version, "2");
  EXPECT_EQ(header.head().headers, (net::HttpHeaders{{"X-Id", "7"}}));
}

TEST(AnswerHeaderTest, LinesThatAreNoHeaderAreRefused) {
  const auto refused = [](std::vector<std::string> lines) {
    net::AnswerHeader header;
    for (const std::string& line : lines) {
      if (!header.take_line(line)) return !header.fault().empty();
    }
    return false;
  };

  EXPECT_TRUE(refused({"220 smtp.example ready\r\n"}));
  EXPECT_TRUE(refused({"HTTP/1.1 2x0 OK\r\n"}));
  EXPECT_TRUE(refused({"HTTP/1.1 20\r\n"}));
  EXPECT_TRUE(refused({"HTTP/1.1 200 OK\r\n", "no colon\r\n"}));
  EXPECT_TRUE(refused({"HTTP/1.1 200 OK\r\n", "bad name: x\r\n"}));
  EXPECT_TRUE(refused({"HTTP/1.1 200 OK\r\n", "X: " + std::string(65'536, 'a') + "\r\n"}));
  std::vector<std::string> many{"HTTP/1.1 200 OK\r\n"};
  many.resize(258, "X: y\r\n");
  EXPECT_TRUE(refused(many));
}

}  // namespace
}  // namespace rwp::tests
