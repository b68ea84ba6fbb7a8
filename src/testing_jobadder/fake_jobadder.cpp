#include "testing_jobadder/fake_routes.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/net/curl_transport.hpp>
#include <rwp/server/server.hpp>
#include <rwp/testing/fake_jobadder.hpp>

#include <charconv>
#include <system_error>
#include <utility>

namespace rwp::testing {

using boost::asio::awaitable;
using server::Request;
using server::Response;

namespace jobadder {
namespace {

/// The answer's first half, then the end of the connection; without a first half: nothing at all.
Response broken_off(std::string half) {
  Response response;
  response.headers.set("Content-Type", "application/json");
  auto text = std::make_shared<std::string>(std::move(half));
  auto write = [](std::shared_ptr<std::string> from,
                  server::ResponseWriter& writer) -> awaitable<Result<void>> {
    if (!from->empty()) {
      auto written = co_await writer.write(*from);
      if (!written) co_return written.error();
    }
    co_return Error(Errc::unavailable, "the script says so");
  };
  response.stream = [text, write](server::ResponseWriter& writer) { return write(text, writer); };
  return response;
}

std::string bearer_of(const Request& request) {
  const std::string value(request.headers.find("Authorization").value_or(""));
  return value.starts_with("Bearer ") ? value.substr(7) : std::string();
}

awaitable<Response> meet(SharedDesk desk, FakeHandler handler, Request request) {
  const Judged judged = desk->state->judge(bearer_of(request));
  switch (judged.fate) {
    case Fate::unauthorised:
      co_return no_content(401);
    case Fate::throttled: {
      Response refused = error_model(429, "Too many requests");
      refused.headers.set("Retry-After", std::to_string(judged.retry_after.count()));
      co_return refused;
    }
    case Fate::failed:
      co_return error_model(503, "Service unavailable");
    default:
      break;
  }
  if (judged.fate == Fate::slow) {
    if (!co_await sleep_for(desk->state->faults().slow)) co_return no_content(503);
  }
  Response response = co_await handler(desk, std::move(request));
  if (judged.fate == Fate::reset) co_return broken_off(std::string());
  if (judged.fate == Fate::cut) {
    co_return broken_off(response.body.substr(0, response.body.size() / 2));
  }
  co_return response;
}

}  // namespace

void Routes::plain(const char* method, const char* path, FakeHandler handler) {
  router_.add(method, path, [desk = desk_, handler](Request request) {
    return handler(desk, std::move(request));
  });
}

void Routes::api(const char* method, const char* path, FakeHandler handler) {
  server::RouteOptions options;
  options.max_body_bytes = std::size_t{16} << 20U;
  router_.add(
      method, std::string("/v2") + path,
      [desk = desk_, handler](Request request) { return meet(desk, handler, std::move(request)); },
      options);
}

Response no_content(int status) {
  Response response;
  response.status = status;
  return response;
}

Response error_model(int status, const std::string& message) {
  JsonWriter out;
  out.begin_object().member("message", message).end_object();
  return server::json_response(status, out.finish().release());
}

Response invalid(const std::string& field) {
  JsonWriter out;
  out.begin_object().member("message", "Validation failed");
  out.key("errors").begin_array().begin_object();
  out.member("code", "MissingField").member("message", field + " is required");
  out.key("fields").begin_array().value(field).end_array();
  out.end_object().end_array().end_object();
  return server::json_response(422, out.finish().release());
}

std::int64_t id_of(const Request& request, const std::string& name) {
  const auto found = request.parameters.find(name);
  if (found == request.parameters.end()) return 0;
  std::int64_t id = 0;
  const char* const end = found->second.data() + found->second.size();
  const auto read = std::from_chars(found->second.data(), end, id);
  return read.ec == std::errc() && read.ptr == end ? id : 0;
}

std::string text_in(JsonView object, std::string_view name) {
  const auto member = object.find(name);
  return member ? std::string(member->as_string().value_or("")) : std::string();
}

std::optional<Table> table_of(const std::string& name) {
  if (name == "candidates") return Table::candidates;
  if (name == "jobads") return Table::job_ads;
  if (name == "applications") return Table::applications;
  if (name == "placements") return Table::placements;
  return std::nullopt;
}

}  // namespace jobadder

struct FakeJobAdder::Impl {
  jobadder::SharedDesk desk = std::make_shared<jobadder::Desk>();
  Runtime runtime{RuntimeOptions{.name = "fake-jobadder"}};
  std::unique_ptr<server::Server> server;
  ~Impl() {
    server.reset();
    desk->sender.reset();
  }
};

FakeJobAdder::FakeJobAdder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
FakeJobAdder::~FakeJobAdder() = default;

Result<std::unique_ptr<FakeJobAdder>> FakeJobAdder::start(FakeJobAdderOptions options) {
  auto impl = std::make_unique<Impl>();
  server::ServerOptions serving;
  serving.listen = options.listen;
  serving.tls_certificate_file = options.tls_certificate_file;
  serving.tls_key_file = options.tls_key_file;
  serving.log = options.log;
  const bool tls = !options.tls_certificate_file.empty();
  impl->desk->state = std::make_shared<jobadder::State>(std::move(options));
  impl->desk->sender = net::make_curl_transport(impl->runtime);
  server::Router router;
  jobadder::Routes routes(router, impl->desk);
  jobadder::add_sign_in_routes(routes);
  jobadder::add_read_routes(routes);
  jobadder::add_write_routes(routes);
  jobadder::add_webhook_routes(routes);
  jobadder::add_control_routes(routes);
  auto started = server::Server::start({&impl->runtime}, std::move(router), serving);
  if (!started) return started.error();
  impl->server = std::move(*started);
  // A request that is quicker than this finds an empty URL; nobody knows the port yet.
  impl->desk->base_url =
      std::string(tls ? "https" : "http") + "://localhost:" + std::to_string(impl->server->port());
  return std::unique_ptr<FakeJobAdder>(new FakeJobAdder(std::move(impl)));
}

std::string FakeJobAdder::base_url() const { return impl_->desk->base_url; }
FakeJobAdderCounts FakeJobAdder::counts() const { return impl_->desk->state->counts(); }
Secret FakeJobAdder::new_code() { return Secret(impl_->desk->state->new_code()); }
void FakeJobAdder::expire_tokens() { impl_->desk->state->expire_tokens(); }
void FakeJobAdder::set_faults(FakeJobAdderFaults faults) { impl_->desk->state->set_faults(faults); }
void FakeJobAdder::touch_candidate(std::int64_t id) {
  impl_->desk->state->touch(jobadder::Table::candidates, id);
}
void FakeJobAdder::delete_candidate(std::int64_t id) { impl_->desk->state->remove_candidate(id); }
std::int64_t FakeJobAdder::add_candidate() { return impl_->desk->state->add_candidate(); }

}  // namespace rwp::testing
