#include "server/router_impl.hpp"

#include <gtest/gtest.h>

namespace {

using namespace rwp::server;  // NOLINT(google-build-using-namespace): a test of this component.

boost::asio::awaitable<Response> nothing(Request /*request*/) { co_return Response(); }

/// What a request finds: "pattern name=value…", or "404", or "405 methods".
std::string dispatch(const Router& router, std::string method, std::string target) {
  Request request;
  request.method = std::move(method);
  request.target = std::move(target);
  std::vector<Segment> segments;
  if (parse_target(request, segments)) return "400";
  const Match match = router.impl().find(request.method, request.path, segments);
  if (match.route == nullptr) return match.allow.empty() ? "404" : "405 " + match.allow;
  std::string text = match.route->pattern;
  for (std::size_t i = 0; i < match.values.size(); ++i) {
    text += " " + match.route->names[i] + "=" + std::string(match.values[i].in(request.path));
  }
  return text;
}

Router make_router() {
  Router router;
  router.add("GET", "/", &nothing);
  router.add("GET", "/v1/jobs", &nothing);
  router.add("POST", "/v1/jobs", &nothing);
  router.add("GET", "/v1/jobs/{id}", &nothing);
  router.add("GET", "/v1/jobs/stats", &nothing);
  router.add("POST", "/v1/jobs/{id}/cancel", &nothing);
  router.add("GET", "/files/{path...}", &nothing);
  router.add("GET", "/files/index", &nothing);
  return router;
}

TEST(RouterTest, RootIsAPathOfItsOwn) { EXPECT_EQ(dispatch(make_router(), "GET", "/"), "/"); }

TEST(RouterTest, LiteralWinsOverName) {
  EXPECT_EQ(dispatch(make_router(), "GET", "/v1/jobs/stats"), "/v1/jobs/stats");
  EXPECT_EQ(dispatch(make_router(), "GET", "/v1/jobs/7"), "/v1/jobs/{id} id=7");
}

TEST(RouterTest, NameIsTriedWhenTheLiteralLeadsNowhere) {
  EXPECT_EQ(dispatch(make_router(), "POST", "/v1/jobs/stats/cancel"),
            "/v1/jobs/{id}/cancel id=stats");
}

TEST(RouterTest, NameTakesExactlyOneSegmentThatIsNotEmpty) {
  EXPECT_EQ(dispatch(make_router(), "GET", "/v1/jobs/"), "404");
  EXPECT_EQ(dispatch(make_router(), "GET", "/v1/jobs/a/b"), "404");
}

TEST(RouterTest, RestTakesAllThatFollows) {
  EXPECT_EQ(dispatch(make_router(), "GET", "/files/a/b/c"), "/files/{path...} path=a/b/c");
  EXPECT_EQ(dispatch(make_router(), "GET", "/files/"), "/files/{path...} path=");
  EXPECT_EQ(dispatch(make_router(), "GET", "/files/index"), "/files/index");
  EXPECT_EQ(dispatch(make_router(), "GET", "/files/index/x"), "/files/{path...} path=index/x");
  EXPECT_EQ(dispatch(make_router(), "GET", "/files"), "404");
}

TEST(RouterTest, OtherMethodOnAKnownPathIsToldWhichThereAre) {
  EXPECT_EQ(dispatch(make_router(), "DELETE", "/v1/jobs"), "405 GET, HEAD, OPTIONS, POST");
  EXPECT_EQ(dispatch(make_router(), "GET", "/v1/jobs/7/cancel"), "405 OPTIONS, POST");
  EXPECT_EQ(dispatch(make_router(), "DELETE", "/v2"), "404");
}

TEST(RouterTest, MethodOfALessSpecificPatternIsFound) {
  Router router = make_router();
  router.add("DELETE", "/v1/jobs/{id}", &nothing);

  EXPECT_EQ(dispatch(router, "DELETE", "/v1/jobs/stats"), "/v1/jobs/{id} id=stats");
}

TEST(RouterTest, HeadIsAnsweredAsGet) {
  EXPECT_EQ(dispatch(make_router(), "HEAD", "/v1/jobs"), "/v1/jobs");
  EXPECT_EQ(dispatch(make_router(), "HEAD", "/v1/jobs/7/cancel"), "405 OPTIONS, POST");
}

TEST(RouterTest, EscapedSlashStaysInItsSegment) {
  EXPECT_EQ(dispatch(make_router(), "GET", "/v1/jobs/a%2Fb"), "/v1/jobs/{id} id=a/b");
  EXPECT_EQ(dispatch(make_router(), "GET", "/v1%2Fjobs"), "404");
}

TEST(RouterTest, CopyGoesItsOwnWay) {
  const Router router = make_router();
  Router copy = router;
  copy.add("GET", "/more", &nothing);

  EXPECT_EQ(dispatch(router, "GET", "/more"), "404");
  EXPECT_EQ(dispatch(copy, "GET", "/more"), "/more");
  EXPECT_EQ(dispatch(copy, "GET", "/v1/jobs/7"), "/v1/jobs/{id} id=7");
}

}  // namespace
