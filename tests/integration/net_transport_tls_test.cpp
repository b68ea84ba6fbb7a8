#include "support/child_process.hpp"
#include "support/temporary_directory.hpp"
#include "support/transport_fixture.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

namespace rwp::tests {
namespace {

using net::HttpRequest;
using ::testing::HasSubstr;

/// A certificate for localhost that is its own authority, made with the openssl tool.
class Certificate {
 public:
  explicit Certificate(const std::string& name) {
    const std::string command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
        "-keyout " +
        key() + " -out " + file() + " -subj /CN=" + name + " -addext subjectAltName=DNS:" + name +
        " 2>/dev/null";
    made_ = std::system(command.c_str()) == 0;
  }

  bool made() const { return made_; }
  std::string file() const { return (directory_.path() / "certificate.pem").string(); }
  std::string key() const { return (directory_.path() / "key.pem").string(); }
  ScriptedServer::Tls tls() const { return {.certificate_file = file(), .key_file = key()}; }

 private:
  TemporaryDirectory directory_;
  bool made_ = false;
};

class TransportTlsTest : public TransportFixture {
 protected:
  void SetUp() override {
    ASSERT_TRUE(certificate_.made());
    options_.ca_file = certificate_.file();
  }
  static ScriptedServer::Script greeting() {
    return answer_each([](const std::string&) { return ok_answer("hello"); });
  }

  Certificate certificate_{"localhost"};
};

TEST_F(TransportTlsTest, AServerOfATrustedAuthorityIsSpokenTo) {
  ScriptedServer server(greeting(), certificate_.tls());

  for (int i = 0; i < 3; ++i) EXPECT_EQ(get(server.url()).value().body, "hello");
  EXPECT_EQ(server.accepted(), 1);
}

TEST_F(TransportTlsTest, AServerOfAnUnknownAuthorityIsNot) {
  options_.ca_file.clear();
  ScriptedServer server(greeting(), certificate_.tls());

  const auto failed = get(server.url()).error();

  EXPECT_EQ(failed.code(), Errc::unavailable);
  EXPECT_FALSE(failed.retryable());
  EXPECT_THAT(failed.message(), HasSubstr("certificate"));
}

TEST_F(TransportTlsTest, ACertificateForAnotherNameIsRefused) {
  const Certificate other("elsewhere.example");
  ASSERT_TRUE(other.made());
  options_.ca_file = other.file();
  ScriptedServer server(greeting(), other.tls());

  const auto failed = get(server.url()).error();

  EXPECT_EQ(failed.code(), Errc::unavailable);
  EXPECT_FALSE(failed.retryable());
}

TEST_F(TransportTlsTest, AMissingCaFileIsToldAndTrustsNobody) {
  options_.ca_file = "/nonexistent/ca.pem";
  ScriptedServer server(greeting(), certificate_.tls());

  EXPECT_FALSE(get(server.url()).has_value());
}

TEST_F(TransportTlsTest, ABodyThatBreaksOffIsAnErrorHereToo) {
  ScriptedServer server(
      [](ScriptedConnection& connection) {
        (void)connection.read_request();
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort");
      },
      certificate_.tls());

  EXPECT_EQ(get(server.url()).error().code(), Errc::unavailable);
}

TEST_F(TransportTlsTest, AServerThatSpeaksNoTlsIsUnavailable) {
  ScriptedServer server([](ScriptedConnection& connection) {
    (void)connection.read_some();
    connection.write("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    (void)connection.wait_closed();
  });

  const std::string url = "https://localhost:" + std::to_string(server.port()) + "/";
  EXPECT_EQ(get(url).error().code(), Errc::unavailable);
}

/// nghttpd of nghttp2-server: HTTP/2 over TLS on a directory of files.
class TransportHttp2Test : public TransportTlsTest {
 protected:
  void SetUp() override {
    TransportTlsTest::SetUp();
    if (std::system("command -v nghttpd >/dev/null") != 0) GTEST_SKIP() << "nghttpd is not there";
    const std::string large(std::size_t{64} << 20U, 'x');
    write_file("small", "hello");
    write_file("large", large);
    // A port that was free a moment ago.
    { port_ = ScriptedServer(greeting()).port(); }
    server_ = std::make_unique<ChildProcess>(
        std::vector<std::string>{"nghttpd", "--htdocs=" + directory_.path().string(),
                                 std::to_string(port_), certificate_.key(), certificate_.file()});
    ASSERT_TRUE(eventually([this] { return get(url("/small")).has_value(); }));
  }

  void write_file(const std::string& name, const std::string& content) {
    std::ofstream(directory_.path() / name) << content;
  }
  std::string url(const std::string& path) const {
    return "https://localhost:" + std::to_string(port_) + path;
  }

  TemporaryDirectory directory_;
  std::uint16_t port_ = 0;
  std::unique_ptr<ChildProcess> server_;
};

TEST_F(TransportHttp2Test, Http2IsSpokenWhereItIsOffered) {
  const auto response = get(url("/small")).value();

  EXPECT_EQ(response.http_version, "2");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "hello");
}

TEST_F(TransportHttp2Test, ManyRequestsShareAConnection) {
  std::vector<std::unique_ptr<SendUnderWay>> under_way;
  for (int i = 0; i < 100; ++i) {
    HttpRequest request;
    request.url = url("/small");
    under_way.push_back(std::make_unique<SendUnderWay>(runtime_, shared_transport(), request));
  }

  for (const auto& each : under_way) EXPECT_EQ(each->outcome().value().body, "hello");
}

TEST_F(TransportHttp2Test, ALargeBodyIsPausedAndReadToItsEnd) {
  HttpRequest request;
  request.url = url("/large");
  const auto exchange = run(runtime_, transport().open(request)).value();

  std::size_t bytes = 0;
  while (true) {
    const std::string piece = run(runtime_, exchange->read()).value();
    if (piece.empty()) break;
    ASSERT_LE(piece.size(), std::size_t{256} << 10U);
    bytes += piece.size();
  }

  EXPECT_EQ(bytes, std::size_t{64} << 20U);
}

TEST_F(TransportHttp2Test, ADroppedExchangeLeavesTheOthersAlone) {
  HttpRequest request;
  request.url = url("/large");
  for (int i = 0; i < 20; ++i) {
    const auto dropped = run(runtime_, transport().open(request)).value();
    EXPECT_EQ(dropped->head().status, 200);
    SendUnderWay other(runtime_, shared_transport(), request);
    other.cancel();
    (void)other.outcome();
  }

  EXPECT_EQ(get(url("/small")).value().body, "hello");
}

TEST_F(TransportHttp2Test, ABodyIsPosted) {
  // nghttpd answers a POST like a GET, once it has taken the body.
  HttpRequest request = post(url("/small"), std::string(3'000'000, 'x'));

  EXPECT_EQ(send(std::move(request)).value().body, "hello");
}

}  // namespace
}  // namespace rwp::tests
