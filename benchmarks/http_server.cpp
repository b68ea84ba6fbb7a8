// The server of the HTTP benchmarks, on one thread: /health as every pod has it, and a route that
// parses JSON and stores nothing. Prints its port; ends with its standard input.

#include <rwp/core/json_view.hpp>
#include <rwp/server/health.hpp>
#include <rwp/server/server.hpp>

#include <cstdio>

namespace {

using namespace rwp;          // NOLINT(google-build-using-namespace): a program of its own.
using namespace rwp::server;  // NOLINT(google-build-using-namespace)

boost::asio::awaitable<Response> parse(Request request) {
  auto text = JsonText::parse(std::move(request.body));
  if (!text) co_return problem_json(to_problem(text.error()));
  const JsonDocument document(*text);
  co_return json_response(201, document.root().find("kind") ? R"({"ok":true})" : "{}");
}

}  // namespace

int main() {
  Router router;
  HealthOptions health;
  health.metrics = observability::make_metrics();
  ServerOptions options;
  options.listen = "127.0.0.1:0";
  options.metrics = health.metrics;
  add_health_routes(router, health);
  router.add("POST", "/v1/jobs", &parse);
  Runtime runtime;
  const auto server = Server::start({&runtime}, std::move(router), std::move(options));
  if (!server) {
    std::fprintf(stderr, "http_server: %s\n", server.error().to_string().c_str());
    return 1;
  }
  std::printf("%u\n", static_cast<unsigned>((*server)->port()));
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}
