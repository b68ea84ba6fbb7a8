// What a server promises a client that behaves.

#include "support/server_fixture.hpp"

#include <gmock/gmock.h>

namespace {

using namespace std::chrono_literals;
using namespace rwp;          // NOLINT(google-build-using-namespace): a test.
using namespace rwp::server;  // NOLINT(google-build-using-namespace)
using rwp::tests::get;
using rwp::tests::post;
using rwp::tests::RawClient;
using testing::HasSubstr;

class ServerTest : public tests::ServerFixture {};

TEST_F(ServerTest, AnswersAndKeepsTheConnection) {
  start();
  RawClient client = connect();

  for (int i = 0; i < 3; ++i) {
    const auto answer = client.ask(get("/hello"));
    ASSERT_TRUE(answer && answer->whole);
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, "hello");
    EXPECT_EQ(answer->header("Content-Type"), "text/plain; charset=utf-8");
    EXPECT_EQ(answer->header("Connection"), "");
    EXPECT_EQ(answer->header("Date").size(), 29U);
  }
}

TEST_F(ServerTest, ClosesWhenAskedTo) {
  start();
  RawClient client = connect();

  const auto answer = client.ask(get("/hello", "Connection: close\r\n"));

  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->header("Connection"), "close");
  EXPECT_EQ(client.read_to_end(), "");
}

TEST_F(ServerTest, Http10EndsTheConnectionUnlessAskedNotTo) {
  start();
  RawClient client = connect();

  const auto kept = client.ask("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  const auto last = client.ask("GET /hello HTTP/1.0\r\n\r\n");

  ASSERT_TRUE(kept && last);
  EXPECT_EQ(kept->header("Connection"), "keep-alive");
  EXPECT_EQ(last->body, "hello");
  EXPECT_EQ(last->header("Connection"), "close");
}

TEST_F(ServerTest, PipelinedRequestsAreAnsweredInTheirOrder) {
  add("GET", "/n/{n}", [](Request request) -> boost::asio::awaitable<Response> {
    const std::string n = request.parameters.at("n");
    // The even ones take longer.
    if (std::stoi(n) % 100 == 0) (void)co_await sleep_for(5ms);
    co_return text_response(200, n);
  });
  start();
  RawClient client = connect();
  std::string requests;
  for (int i = 0; i < 1000; ++i) requests += get("/n/" + std::to_string(i));
  std::thread sender([&] { client.send(requests); });

  for (int i = 0; i < 1000; ++i) {
    const auto answer = client.read_response();
    ASSERT_TRUE(answer) << i;
    EXPECT_EQ(answer->body, std::to_string(i));
  }
  sender.join();
}

TEST_F(ServerTest, BodiesComeSizedOrInChunks) {
  start();
  RawClient client = connect();
  const std::string large(1'000'000, 'x');

  EXPECT_EQ(client.ask(post("/echo", "sized"))->body, "sized");
  EXPECT_EQ(client.ask(post("/echo", large))->body, large);
  EXPECT_EQ(client
                .ask("POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"
                     "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nTrailer: t\r\n\r\n")
                ->body,
            "abcdefg");
  EXPECT_EQ(client.ask(post("/echo", ""))->body, "");
}

TEST_F(ServerTest, BodyIsAskedForWhenTheClientWaitsForThat) {
  start();
  RawClient client = connect();

  const auto go_on = client.ask(
      "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  const auto answer = client.ask("body");

  ASSERT_TRUE(go_on && answer);
  EXPECT_EQ(go_on->status, 100);
  EXPECT_EQ(answer->body, "body");
}

TEST_F(ServerTest, HeadIsGetWithoutTheBody) {
  start();
  RawClient client = connect();

  const auto head = client.ask("HEAD /hello HTTP/1.1\r\nHost: t\r\n\r\n");
  const auto answer = client.ask(get("/hello"));

  ASSERT_TRUE(head && answer);
  EXPECT_EQ(head->header("Content-Length"), "5");
  EXPECT_EQ(answer->body, "hello");
}

TEST_F(ServerTest, UnknownPathAndMethodAreProblems) {
  start();
  RawClient client = connect();

  const auto no_path = client.ask(get("/absent"));
  const auto no_method = client.ask("DELETE /hello HTTP/1.1\r\nHost: t\r\n\r\n");
  const auto options = client.ask("OPTIONS /hello HTTP/1.1\r\nHost: t\r\n\r\n");

  ASSERT_TRUE(no_path && no_method && options);
  EXPECT_EQ(no_path->status, 404);
  EXPECT_EQ(no_path->header("Content-Type"), "application/problem+json");
  EXPECT_THAT(no_path->body, HasSubstr("\"code\":\"not_found\""));
  EXPECT_THAT(no_path->body, HasSubstr(no_path->header("X-Request-Id")));
  EXPECT_EQ(no_method->status, 405);
  EXPECT_EQ(no_method->header("Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(options->status, 204);
  EXPECT_EQ(options->header("Allow"), "GET, HEAD, OPTIONS");
}

TEST_F(ServerTest, RequestIdIsTheClientsWhenFit) {
  start();
  RawClient client = connect();

  const auto given = client.ask(get("/hello", "X-Request-Id: abc.DEF_1-2\r\n"));
  const auto unfit = client.ask(get("/hello", "X-Request-Id: a b\r\n"));

  ASSERT_TRUE(given && unfit);
  EXPECT_EQ(given->header("X-Request-Id"), "abc.DEF_1-2");
  EXPECT_EQ(unfit->header("X-Request-Id").size(), 32U);
}

TEST_F(ServerTest, HandlerSeesTheCallersTrace) {
  add("GET", "/trace", [](Request request) -> boost::asio::awaitable<Response> {
    co_return text_response(200, request.trace.to_traceparent());
  });
  start();
  RawClient client = connect();

  const auto child = client.ask(
      get("/trace", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"));
  const auto root = client.ask(get("/trace"));

  ASSERT_TRUE(child && root);
  EXPECT_THAT(child->body, HasSubstr("00-0af7651916cd43dd8448eb211c80319c-"));
  EXPECT_THAT(child->body, testing::Not(HasSubstr("b7ad6b7169203331")));
  EXPECT_EQ(root->body.size(), 55U);
}

TEST_F(ServerTest, ThrowingHandlerIsAnInternalErrorThatTellsNothing) {
  add("GET", "/throws", [](Request) -> boost::asio::awaitable<Response> {
    throw std::runtime_error("the secret is open sesame");
    co_return Response();
  });
  start();
  RawClient client = connect();

  const auto answer = client.ask(get("/throws"));
  const auto next = client.ask(get("/hello"));

  ASSERT_TRUE(answer && next);
  EXPECT_EQ(answer->status, 500);
  EXPECT_THAT(answer->body, testing::Not(HasSubstr("sesame")));
  EXPECT_EQ(next->body, "hello");
}

TEST_F(ServerTest, HandlerThatTakesTooLongIsCancelled) {
  std::atomic<int> cancelled{0};
  RouteOptions options;
  options.timeout = 50ms;
  add(
      "GET", "/slow",
      [&cancelled](Request) -> boost::asio::awaitable<Response> {
        const auto slept = co_await sleep_for(20s);
        if (!slept) ++cancelled;
        co_return text_response(200, "late");
      },
      options);
  start();
  RawClient client = connect();

  const auto answer = client.ask(get("/slow"));
  const auto next = client.ask(get("/hello"));

  ASSERT_TRUE(answer && next);
  EXPECT_EQ(answer->status, 504);
  EXPECT_EQ(cancelled, 1);
  EXPECT_EQ(next->body, "hello");
}

TEST_F(ServerTest, HandlerIsCancelledWhenTheClientCloses) {
  std::atomic<int> entered{0};
  std::atomic<int> cancelled{0};
  add("GET", "/slow", [&](Request) -> boost::asio::awaitable<Response> {
    ++entered;
    const auto slept = co_await sleep_for(20s);
    if (!slept) ++cancelled;
    co_return text_response(200, "late");
  });
  start();
  RawClient client = connect();
  client.send(get("/slow"));
  ASSERT_TRUE(eventually([&] { return entered == 1; }));

  client.close();

  EXPECT_TRUE(eventually([&] { return cancelled == 1; }));
}

TEST_F(ServerTest, AuthorisationComesBeforeTheBody) {
  RouteOptions options;
  options.authorise = [](const Request& head) -> boost::asio::awaitable<Result<Identity>> {
    if (head.headers.find("Authorization") != "Bearer good") {
      co_return Error(Errc::unauthenticated, "the key is not known");
    }
    Identity identity;
    identity.tenant = "acme";
    co_return identity;
  };
  add(
      "POST", "/private",
      [](Request request) -> boost::asio::awaitable<Response> {
        co_return text_response(200, request.identity.tenant + ":" + request.body);
      },
      options);
  start();
  RawClient client = connect();

  const auto refused = client.ask(post("/private", "body"));
  const auto let_in = client.ask(post("/private", "body", "Authorization: Bearer good\r\n"));

  ASSERT_TRUE(refused && let_in);
  EXPECT_EQ(refused->status, 401);
  EXPECT_EQ(refused->header("WWW-Authenticate"), "Bearer");
  EXPECT_THAT(refused->body, HasSubstr("the key is not known"));
  EXPECT_EQ(let_in->body, "acme:body");
}

TEST_F(ServerTest, HandlerDoesNotRunForAClientThatLeftDuringTheAuthorisation) {
  std::atomic<int> entered{0};
  std::atomic<int> authorised{0};
  std::atomic<int> handled{0};
  RouteOptions options;
  options.authorise = [&](const Request&) -> boost::asio::awaitable<Result<Identity>> {
    ++entered;
    (void)co_await sleep_for(20s);
    ++authorised;
    co_return Identity();
  };
  add(
      "GET", "/private",
      [&](Request) -> boost::asio::awaitable<Response> {
        ++handled;
        co_return text_response(200, "secret");
      },
      options);
  start();
  RawClient client = connect();
  client.send(get("/private"));
  ASSERT_TRUE(eventually([&] { return entered == 1; }));

  client.close();

  EXPECT_TRUE(eventually([&] { return authorised == 1; }));
  server_.reset();
  EXPECT_EQ(handled, 0);
}

TEST_F(ServerTest, StreamedAnswerArrivesPieceByPiece) {
  add("GET", "/stream", [](Request) -> boost::asio::awaitable<Response> {
    Response response;
    response.headers.add("Content-Type", "text/event-stream");
    response.stream = [](ResponseWriter& writer) -> boost::asio::awaitable<Result<void>> {
      for (const char* piece : {"one", "", "two"}) {
        auto written = co_await writer.write(piece);
        if (!written) co_return written;
      }
      co_return Result<void>();
    };
    co_return response;
  });
  start();
  RawClient client = connect();

  const auto answer = client.ask(get("/stream"));
  const auto old_client = connect().ask("GET /stream HTTP/1.0\r\n\r\n");
  const auto next = client.ask(get("/hello"));

  ASSERT_TRUE(answer && old_client && next);
  EXPECT_EQ(answer->header("Transfer-Encoding"), "chunked");
  EXPECT_TRUE(answer->whole);
  EXPECT_EQ(answer->body, "onetwo");
  EXPECT_EQ(old_client->body, "onetwo");
  EXPECT_EQ(next->body, "hello");
}

TEST_F(ServerTest, FailedStreamIsSeenToBeCut) {
  add("GET", "/stream", [](Request) -> boost::asio::awaitable<Response> {
    Response response;
    response.stream = [](ResponseWriter& writer) -> boost::asio::awaitable<Result<void>> {
      (void)co_await writer.write("half");
      co_return Error(Errc::unavailable, "the model went away");
    };
    co_return response;
  });
  start();
  RawClient client = connect();

  const auto answer = client.ask(get("/stream"));

  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body, "half");
  EXPECT_FALSE(answer->whole);
}

TEST_F(ServerTest, StreamThatFailsBeforeItsFirstPieceIsAProblem) {
  add("GET", "/stream", [](Request) -> boost::asio::awaitable<Response> {
    Response response;
    response.stream = [](ResponseWriter&) -> boost::asio::awaitable<Result<void>> {
      co_return Error(Errc::rate_limited, "slowly");
    };
    co_return response;
  });
  start();

  const auto answer = connect().ask(get("/stream"));

  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 429);
}

TEST_F(ServerTest, StreamHasTheRoutesTimeToBeginAndThenItsOwn) {
  RouteOptions options;
  options.timeout = 300ms;
  const auto add_stream = [&](std::string path, bool begins_at_once) {
    auto answer = [begins_at_once](Request) -> boost::asio::awaitable<Response> {
      Response response;
      response.stream =
          [begins_at_once](ResponseWriter& writer) -> boost::asio::awaitable<Result<void>> {
        if (begins_at_once) (void)co_await writer.write("first ");
        const auto slept = co_await sleep_for(begins_at_once ? 700ms : 20'000ms);
        if (!slept) co_return slept.error();
        co_return co_await writer.write("last");
      };
      co_return response;
    };
    add("GET", std::move(path), std::move(answer), options);
  };
  add_stream("/long", true);
  add_stream("/stuck", false);
  start();
  RawClient client = connect();

  const auto stuck = client.ask(get("/stuck"));
  const auto lasting = client.ask(get("/long"));

  ASSERT_TRUE(stuck && lasting);
  EXPECT_EQ(stuck->status, 504);
  EXPECT_EQ(lasting->status, 200);
  EXPECT_EQ(lasting->body, "first last");
  EXPECT_TRUE(lasting->whole);
}

TEST_F(ServerTest, HandlerReadsALargeBodyPieceByPiece) {
  RouteOptions options;
  options.stream_body = true;
  options.max_body_bytes = std::size_t{64} << 20U;
  std::atomic<std::size_t> largest{0};
  add(
      "POST", "/upload",
      [&largest](Request request) -> boost::asio::awaitable<Response> {
        std::size_t total = 0;
        while (true) {
          auto piece = co_await request.read_body();
          if (!piece) co_return json_response(400, piece.error().message());
          if (piece->empty()) break;
          largest = std::max(largest.load(), piece->size());
          total += piece->size();
        }
        co_return text_response(200, std::to_string(total));
      },
      options);
  start();
  RawClient client = connect();

  const auto answer = client.ask(post("/upload", std::string(10'000'000, 'b')));
  const auto next = client.ask(get("/hello"));

  ASSERT_TRUE(answer && next);
  EXPECT_EQ(answer->body, "10000000");
  EXPECT_LE(largest, 65536U);
  EXPECT_EQ(next->body, "hello");
}

TEST_F(ServerTest, UnreadBodyOfAnEarlyAnswerIsReadOver) {
  start();
  RawClient client = connect();

  const auto answer = client.ask(post("/absent", std::string(10'000, 'x')));
  const auto next = client.ask(get("/hello"));

  ASSERT_TRUE(answer && next);
  EXPECT_EQ(answer->status, 404);
  EXPECT_EQ(next->body, "hello");
}

TEST_F(ServerTest, HandlersCannotSplitAnAnswer) {
  add("GET", "/split", [](Request) -> boost::asio::awaitable<Response> {
    Response response = text_response(200, "x");
    response.headers.add("X-Bad", "a\r\nSet-Cookie: b");
    co_return response;
  });
  start();

  const auto answer = connect().ask(get("/split"));

  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 500);
  EXPECT_THAT(answer->head, testing::Not(HasSubstr("Set-Cookie")));
}

TEST_F(ServerTest, SeveralThreadsShareAPort) {
  std::mutex mutex;
  std::set<std::thread::id> threads;
  add("GET", "/thread", [&](Request) -> boost::asio::awaitable<Response> {
    const std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
    co_return text_response(200, "x");
  });
  start(3);

  for (int i = 0; i < 64; ++i) ASSERT_TRUE(connect().ask(get("/thread")));

  EXPECT_GT(threads.size(), 1U);
}

TEST_F(ServerTest, PortInUseIsOneClearLine) {
  start(2);
  for (const std::size_t threads : {1U, 2U}) {
    std::vector<std::unique_ptr<Runtime>> runtimes;
    std::vector<Runtime*> pointers;
    for (std::size_t i = 0; i < threads; ++i) {
      pointers.push_back(runtimes.emplace_back(std::make_unique<Runtime>()).get());
    }
    ServerOptions options;
    options.listen = "127.0.0.1:" + std::to_string(server_->port());

    const auto second = Server::start(pointers, router_, options);

    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code(), Errc::unavailable);
    EXPECT_EQ(second.error().message(),
              "cannot listen on " + options.listen + ": the address is in use");
  }
}

TEST_F(ServerTest, MalformedOptionsAreRefused) {
  Runtime runtime;
  for (const char* listen : {"", "3000", "localhost", "127.0.0.1:x", "127.0.0.1:70000",
                             "localhost:3000", "::1:3000", "[::1:3000", "1.2.3:1", "127.0.0.1:"}) {
    ServerOptions options;
    options.listen = listen;
    const auto started = Server::start({&runtime}, router_, options);
    ASSERT_FALSE(started.has_value()) << listen;
    EXPECT_EQ(started.error().code(), Errc::invalid_argument) << listen;
  }
}

}  // namespace
