#include "net/redis/options.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

namespace rwp::net_redis {
namespace {

constexpr std::uint16_t kRedisPort = 6379;
constexpr std::uint16_t kSentinelPort = 26379;
constexpr std::size_t kMaxSentinels = 32;
constexpr std::int64_t kMaxDatabase = 1'000'000;

Error bad(const std::string& what) { return Error(Errc::invalid_argument, "redis URL: " + what); }

/// Escapes resolved; they have been checked as a whole.
std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned char value = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16).ec == std::errc()) {
      out += static_cast<char>(value);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool is_clean(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; });
}

Result<Endpoint> parse_endpoint(std::string_view text, std::uint16_t default_port) {
  Endpoint endpoint;
  endpoint.port = default_port;
  std::string_view host = text;
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return bad(R"("[" without "]")");
    host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (!port.empty() && port.front() != ':') return bad("something between \"]\" and the port");
  } else if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon);
  }
  if (!port.empty()) {
    port.remove_prefix(1);
    const auto [end, problem] =
        std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
    if (problem != std::errc() || end != port.data() + port.size() || endpoint.port == 0) {
      return bad("a port is a number from 1 to 65535");
    }
  }
  endpoint.host = decoded(host);
  if (endpoint.host.empty()) return bad("no host");
  if (!is_clean(endpoint.host)) return bad("a host of other than printable characters");
  return endpoint;
}

Result<unsigned> parse_database(std::string_view text) {
  std::int64_t number = -1;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size() || number < 0 ||
      number > kMaxDatabase) {
    return bad("the database is a whole number from 0");
  }
  return static_cast<unsigned>(number);
}

std::string value_of(const Url& url, const std::string& name, const std::string& fallback) {
  const auto found = url.query().find(name);
  return found == url.query().end() ? fallback : found->second;
}

Result<void> read_duration(const Url& url, std::string_view name,
                           std::chrono::milliseconds& duration) {
  const auto read = url.duration(name, duration);
  if (!read) return read.error();
  if (read->count() < 1) return bad(std::string(name) + " is at least 1ms");
  duration = *read;
  return {};
}

Result<void> read_query(const Url& url, ClientOptions& options) {
  if (auto known =
          url.allow_query({"db", "user", "password", "ca_file", "certificate_file", "key_file",
                           "server_name", "sentinel_user", "sentinel_password", "client_name",
                           "connect_timeout", "command_timeout", "ping_interval"});
      !known) {
    return known;
  }
  if (const auto found = url.query().find("db"); found != url.query().end()) {
    const auto database = parse_database(found->second);
    if (!database) return database.error();
    options.database = *database;
  }
  options.credentials.user = value_of(url, "user", options.credentials.user);
  options.credentials.password =
      Secret(value_of(url, "password", options.credentials.password.expose()));
  options.sentinel_credentials.user = value_of(url, "sentinel_user", "");
  options.sentinel_credentials.password = Secret(value_of(url, "sentinel_password", ""));
  options.tls.ca_file = value_of(url, "ca_file", "");
  options.tls.certificate_file = value_of(url, "certificate_file", "");
  options.tls.key_file = value_of(url, "key_file", "");
  options.tls.server_name = value_of(url, "server_name", "");
  options.client_name = value_of(url, "client_name", options.client_name);
  const bool named =
      std::all_of(options.client_name.begin(), options.client_name.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
               c == '-' || c == '.' || c == '_';
      });
  if (!named) return bad("client_name is of letters, digits and - . _");
  for (const auto& [name, duration] : {std::pair("connect_timeout", &options.connect_timeout),
                                       std::pair("command_timeout", &options.command_timeout),
                                       std::pair("ping_interval", &options.ping_interval)}) {
    if (auto read = read_duration(url, name, *duration); !read) return read;
  }
  return {};
}

/// What is between "//" and the end, without the credentials in front, which go to `options`.
Result<std::string_view> read_credentials(std::string_view rest, ClientOptions& options) {
  if (!rest.starts_with("//")) return bad("\"//\" must follow the scheme");
  rest.remove_prefix(2);
  // A password may hold an unescaped "@" or "/": the last "@" ends it. A name of a master or a
  // socket's path has none.
  const std::size_t at = rest.rfind('@');
  if (at == std::string_view::npos) return rest;
  const std::string_view credentials = rest.substr(0, at);
  const std::size_t colon = credentials.find(':');
  options.credentials.user = decoded(credentials.substr(0, colon));
  if (colon != std::string_view::npos) {
    options.credentials.password = Secret(decoded(credentials.substr(colon + 1)));
  }
  return rest.substr(at + 1);
}

Result<void> read_sentinels(std::string_view rest, ClientOptions& options) {
  const std::size_t slash = rest.find('/');
  std::string_view hosts = rest.substr(0, slash);
  while (true) {
    const std::size_t comma = hosts.find(',');
    auto endpoint = parse_endpoint(hosts.substr(0, comma), kSentinelPort);
    if (!endpoint) return endpoint.error();
    options.sentinels.push_back(std::move(*endpoint));
    if (options.sentinels.size() > kMaxSentinels) return bad("more than 32 Sentinels");
    if (comma == std::string_view::npos) break;
    hosts.remove_prefix(comma + 1);
  }
  std::string_view path = slash == std::string_view::npos ? "" : rest.substr(slash + 1);
  const std::size_t second = path.find('/');
  options.master_name = decoded(path.substr(0, second));
  if (options.master_name.empty() || !is_clean(options.master_name)) {
    return bad("a Sentinel's URL names the master: redis-sentinel://host,host/mymaster");
  }
  if (second == std::string_view::npos || second + 1 == path.size()) return {};
  const auto database = parse_database(path.substr(second + 1));
  if (!database) return database.error();
  options.database = *database;
  return {};
}

Result<void> read_server(std::string_view rest, ClientOptions& options) {
  const std::size_t slash = rest.find('/');
  auto endpoint = parse_endpoint(rest.substr(0, slash), kRedisPort);
  if (!endpoint) return endpoint.error();
  options.endpoint = std::move(*endpoint);
  if (slash == std::string_view::npos || slash + 1 == rest.size()) return {};
  const auto database = parse_database(rest.substr(slash + 1));
  if (!database) return database.error();
  options.database = *database;
  return {};
}

Result<void> read_socket(std::string_view rest, ClientOptions& options) {
  constexpr std::size_t kLongest = 107;  // Of sockaddr_un's 108 bytes.
  options.endpoint.path = decoded(rest);
  if (!options.endpoint.path.starts_with('/') || options.endpoint.path.size() > kLongest) {
    return bad("the path of a Unix socket begins with \"/\" and has 107 bytes at most");
  }
  return {};
}

}  // namespace

std::string Endpoint::to_string() const {
  if (!path.empty()) return path;
  const bool bare_v6 = host.find(':') != std::string::npos;
  return (bare_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<ClientOptions> parse_client_url(const Url& url) {
  ClientOptions options;
  const auto rest = read_credentials(url.rest(), options);
  if (!rest) return rest.error();
  const std::string& scheme = url.scheme();
  options.tls.enabled = scheme == "rediss" || scheme == "rediss-sentinel";
  Result<void> read;
  if (scheme == "redis-sentinel" || scheme == "rediss-sentinel") {
    read = read_sentinels(*rest, options);
  } else if (scheme == "redis+unix" || scheme == "unix") {
    read = read_socket(*rest, options);
  } else if (scheme == "redis" || scheme == "rediss") {
    read = read_server(*rest, options);
  } else {
    return bad("the scheme is redis, rediss, redis+unix, redis-sentinel or rediss-sentinel");
  }
  if (!read) return read.error();
  if (auto query = read_query(url, options); !query) return query.error();
  if (!options.credentials.user.empty() && options.credentials.password.empty()) {
    return bad("a user without a password");
  }
  if (options.tls.certificate_file.empty() != options.tls.key_file.empty()) {
    return bad("certificate_file and key_file go together");
  }
  return options;
}

Result<ClientOptions> parse_client_url(std::string_view text) {
  const auto url = Url::parse(text);
  if (!url) return url.error();
  return parse_client_url(*url);
}

}  // namespace rwp::net_redis
