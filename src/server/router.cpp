#include "server/router_impl.hpp"

#include <algorithm>
#include <cassert>
#include <set>
#include <utility>

namespace rwp::server {
namespace {

using Node = Router::Impl::Node;

std::vector<std::string_view> split_pattern(std::string_view pattern) {
  assert(pattern.starts_with('/') && "a pattern begins with a slash");
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at < pattern.size();) {
    const std::size_t end = std::min(pattern.find('/', at + 1), pattern.size());
    parts.push_back(pattern.substr(at + 1, end - at - 1));
    at = end;
  }
  return parts;
}

bool is_name(std::string_view part) noexcept { return part.starts_with('{'); }
bool is_rest(std::string_view part) noexcept { return part.ends_with("...}"); }

std::string name_in(std::string_view part) {
  assert(part.ends_with('}') && "a name ends with a brace");
  const std::size_t around = is_rest(part) ? 5 : 2;
  assert(part.size() > around && "a name is not empty");
  return std::string(part.substr(1, part.size() - around));
}

Node& child(std::unique_ptr<Node>& place) {
  if (!place) place = std::make_unique<Node>();
  return *place;
}

/// One walk through the tree for one request.
class Search {
 public:
  Search(std::string_view method, std::string_view path, const std::vector<Segment>& segments)
      : method_(method), path_(path), segments_(segments) {}

  bool visit(const Node& node, std::size_t depth) {
    if (depth == segments_.size()) return try_routes(node);
    const Segment segment = segments_[depth];
    if (const auto found = node.literals.find(segment.in(path_)); found != node.literals.end()) {
      if (visit(*found->second, depth + 1)) return true;
    }
    if (node.any && segment.size > 0) {
      match_.values.push_back(segment);
      if (visit(*node.any, depth + 1)) return true;
      match_.values.pop_back();
    }
    if (node.rest) {
      match_.values.push_back(Segment{segment.begin, path_.size() - segment.begin});
      if (try_routes(*node.rest)) return true;
      match_.values.pop_back();
    }
    return false;
  }

  Match finish() {
    if (match_.route == nullptr && !methods_.empty()) {
      if (methods_.contains("GET")) methods_.insert("HEAD");
      methods_.insert("OPTIONS");
      for (const std::string_view method : methods_) {
        if (!match_.allow.empty()) match_.allow += ", ";
        match_.allow += method;
      }
    }
    return std::move(match_);
  }

 private:
  bool try_routes(const Node& node) {
    const Route* for_head = nullptr;
    for (const Route* route : node.routes) {
      if (route->method == method_) {
        match_.route = route;
        return true;
      }
      if (method_ == "HEAD" && route->method == "GET") for_head = route;
      methods_.insert(route->method);
    }
    match_.route = for_head;
    return for_head != nullptr;
  }

  std::string_view method_;
  std::string_view path_;
  const std::vector<Segment>& segments_;
  std::set<std::string_view> methods_;
  Match match_;
};

}  // namespace

Router::Impl::Impl(const Impl& other) : problem_format(other.problem_format) {
  for (const auto& route : other.routes) add(route);
}

void Router::Impl::add(std::shared_ptr<const Route> route) {
  Node* node = &root;
  const auto parts = split_pattern(route->pattern);
  for (const std::string_view part : parts) {
    assert((!is_rest(part) || part.data() == parts.back().data()) && "{name...} stands last");
    if (is_rest(part)) {
      node = &child(node->rest);
    } else if (is_name(part)) {
      node = &child(node->any);
    } else {
      node = &child(node->literals[std::string(part)]);
    }
  }
  assert(std::none_of(node->routes.begin(), node->routes.end(),
                      [&](const Route* other) { return other->method == route->method; }) &&
         "one handler a method and pattern");
  node->routes.push_back(route.get());
  routes.push_back(std::move(route));
}

Match Router::Impl::find(std::string_view method, std::string_view path,
                         const std::vector<Segment>& segments) const {
  Search search(method, path, segments);
  search.visit(root, 0);
  return search.finish();
}

std::string Router::Impl::all_methods() const {
  std::set<std::string_view> methods = {"HEAD", "OPTIONS"};
  for (const auto& route : routes) methods.insert(route->method);
  std::string text;
  for (const std::string_view method : methods) {
    if (!text.empty()) text += ", ";
    text += method;
  }
  return text;
}

Router::Router() : impl_(std::make_shared<Impl>()) {}
Router::~Router() = default;
Router::Router(const Router& other) : impl_(std::make_shared<Impl>(*other.impl_)) {}
Router::Router(Router&&) noexcept = default;
Router& Router::operator=(Router&&) noexcept = default;

Router& Router::operator=(const Router& other) {
  if (this != &other) impl_ = std::make_shared<Impl>(*other.impl_);
  return *this;
}

Router& Router::add(std::string method, std::string pattern, Handler handler,
                    RouteOptions options) {
  assert(handler && "a route has a handler");
  auto route = std::make_shared<Route>();
  for (const std::string_view part : split_pattern(pattern)) {
    if (is_name(part)) route->names.push_back(name_in(part));
  }
  route->method = std::move(method);
  route->pattern = std::move(pattern);
  route->handler = std::move(handler);
  route->options = std::move(options);
  route->index = impl_->routes.size();
  impl_->add(std::move(route));
  return *this;
}

Router& Router::set_problem_format(ProblemFormat format) {
  impl_->problem_format = std::move(format);
  return *this;
}

}  // namespace rwp::server
