#pragma once

#include "server/target.hpp"
#include <rwp/server/router.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::server {

struct Route {
  std::string method{};
  std::string pattern{};
  Handler handler{};
  RouteOptions options{};
  /// What the pattern's {…} are called, in their order.
  std::vector<std::string> names{};
  /// Its place among the router's, for tables beside it.
  std::size_t index = 0;
};

struct Match {
  /// Null: `allow` is empty (no such path), or names the methods that the path has.
  const Route* route = nullptr;
  /// What the pattern's names took.
  std::vector<Segment> values{};
  /// "GET, HEAD, OPTIONS, POST"; only filled without a route.
  std::string allow{};
};

/// A tree of segments. At each node a literal is tried before a name, a name before a rest; of all
/// paths through it that fit, the first with the method wins.
struct Router::Impl {
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> literals{};
    std::unique_ptr<Node> any{};
    std::unique_ptr<Node> rest{};
    std::vector<const Route*> routes{};
  };

  Impl() = default;
  Impl(const Impl& other);
  Impl& operator=(const Impl&) = delete;

  void add(std::shared_ptr<const Route> route);
  /// `path`'s segments as parse_target() found them.
  Match find(std::string_view method, std::string_view path,
             const std::vector<Segment>& segments) const;
  /// Every method that some route has.
  std::string all_methods() const;

  std::vector<std::shared_ptr<const Route>> routes{};
  ProblemFormat problem_format = &problem_json;
  Node root{};
};

}  // namespace rwp::server
