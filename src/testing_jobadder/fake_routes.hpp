#pragma once

#include "testing_jobadder/fake_state.hpp"
#include <rwp/core/json_view.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/server/message.hpp>
#include <rwp/server/router.hpp>

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>
#include <utility>

namespace rwp::net {
class HttpTransport;
}

namespace rwp::testing::jobadder {

/// What a handler works with.
struct Desk {
  SharedState state{};
  /// "https://localhost:PORT"; known once the server listens.
  std::string base_url{};
  /// Sends the webhooks' deliveries.
  std::shared_ptr<net::HttpTransport> sender{};
};
using SharedDesk = std::shared_ptr<Desk>;

using FakeHandler = boost::asio::awaitable<server::Response> (*)(SharedDesk desk,
                                                                 server::Request request);

class Routes {
 public:
  Routes(server::Router& router, SharedDesk desk) : router_(router), desk_(std::move(desk)) {}
  /// As it is: sign-in, and the fake's own.
  void plain(const char* method, const char* path, FakeHandler handler);
  /// Below /v2: counted, held against the token and the limit, and met by the faults.
  void api(const char* method, const char* path, FakeHandler handler);

 private:
  server::Router& router_;
  SharedDesk desk_;
};

void add_sign_in_routes(Routes& routes);
void add_read_routes(Routes& routes);
void add_write_routes(Routes& routes);
void add_webhook_routes(Routes& routes);
void add_control_routes(Routes& routes);

/// ErrorModel.
server::Response error_model(int status, const std::string& message);
server::Response invalid(const std::string& field);
server::Response no_content(int status);
std::int64_t id_of(const server::Request& request, const std::string& name);
std::string text_in(JsonView object, std::string_view name);
std::string time_in_json(WallTime time);
/// The name that /_fake uses: "candidates"; none: no such.
std::optional<Table> table_of(const std::string& name);

}  // namespace rwp::testing::jobadder
