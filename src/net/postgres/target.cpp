#include "net/postgres/target.hpp"

#include <rwp/core/async.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <functional>
#include <libpq-fe.h>
#include <memory>
#include <netdb.h>

namespace rwp::net_postgres {
namespace {

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
struct FreeAddresses {
  void operator()(addrinfo* addresses) const { freeaddrinfo(addresses); }
};

std::string escaped(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    }
  }
  return out;
}

std::vector<std::string> split(const std::string& list) {
  std::vector<std::string> parts(1);
  for (const char c : list) {
    if (c == ',') {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

std::string join(const std::vector<std::string>& parts) {
  std::string list;
  for (std::size_t i = 0; i < parts.size(); ++i) list += (i == 0 ? "" : ",") + parts[i];
  return list;
}

bool is_socket_path(const std::string& host) {
  return host.empty() || host.front() == '/' || host.front() == '@';
}

/// Numeric addresses of one host; none when it has none now.
std::vector<std::string> addresses_of(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return {};
  const std::unique_ptr<addrinfo, FreeAddresses> owned(found);
  std::vector<std::string> addresses;
  for (const addrinfo* at = found; at != nullptr; at = at->ai_next) {
    std::string text(NI_MAXHOST, '\0');
    if (getnameinfo(at->ai_addr, at->ai_addrlen, text.data(), NI_MAXHOST, nullptr, 0,
                    NI_NUMERICHOST) != 0) {
      continue;
    }
    text.resize(text.find('\0'));
    if (std::find(addresses.begin(), addresses.end(), text) == addresses.end()) {
      addresses.push_back(std::move(text));
    }
  }
  return addresses;
}

struct Hosts {
  std::vector<std::string> names{};
  std::vector<std::string> addresses{};
  std::vector<std::string> ports{};
};

/// Each host once for each of its addresses; one without an address is left out.
Hosts resolve_all(const std::vector<std::string>& names, const std::vector<std::string>& ports) {
  Hosts hosts;
  const auto add = [&](const std::string& name, std::string address, std::size_t at) {
    hosts.names.push_back(name);
    hosts.addresses.push_back(std::move(address));
    hosts.ports.push_back(ports.size() == 1 ? ports[0] : at < ports.size() ? ports[at] : "");
  };
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (is_socket_path(names[i])) {
      add(names[i], "", i);
      continue;
    }
    for (std::string& address : addresses_of(names[i])) add(names[i], std::move(address), i);
  }
  return hosts;
}

}  // namespace

Result<Target> Target::parse(const Url& url, std::initializer_list<std::string_view> own) {
  std::string text = "postgresql:" + url.rest();
  char separator = '?';
  for (const auto& [name, value] : url.query()) {
    if (std::find(own.begin(), own.end(), name) != own.end()) continue;
    text += separator + escaped(name) + '=' + escaped(value);
    separator = '&';
  }
  char* complaint = nullptr;
  const std::unique_ptr<PQconninfoOption, FreeOptions> options(
      PQconninfoParse(text.c_str(), &complaint));
  if (!options) {
    // libpq's complaint may repeat parts of the URL, and so of the password.
    if (complaint != nullptr) PQfreemem(complaint);
    std::string names;
    for (const auto& [name, value] : url.query()) names += (names.empty() ? "" : ", ") + name;
    return Error(Errc::invalid_argument,
                 "is no URL of the form postgres://user:password@host:port/database?option=value"
                 " that libpq takes" +
                     (names.empty() ? "" : "; its options: " + names));
  }
  Target target;
  for (const PQconninfoOption* at = options.get(); at->keyword != nullptr; ++at) {
    if (at->val != nullptr && *at->val != '\0') target.set(at->keyword, at->val);
  }
  return target;
}

std::string Target::value_of(std::string_view keyword) const {
  for (const auto& [name, value] : keywords_) {
    if (name == keyword) return value;
  }
  return {};
}

void Target::set(std::string_view keyword, std::string value) {
  for (auto& [name, old] : keywords_) {
    if (name != keyword) continue;
    old = std::move(value);
    return;
  }
  keywords_.emplace_back(std::string(keyword), std::move(value));
}

void Target::set_default(std::string_view keyword, std::string value) {
  if (value_of(keyword).empty()) set(keyword, std::move(value));
}

void Target::begin_with(std::size_t host) {
  const std::string hosts = value_of("host");
  const std::size_t count = split(hosts.empty() ? value_of("hostaddr") : hosts).size();
  if (count < 2) return;
  for (const char* keyword : {"host", "hostaddr", "port"}) {
    std::vector<std::string> parts = split(value_of(keyword));
    // One port may stand for all hosts.
    if (parts.size() != count) continue;
    std::rotate(parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(host % count),
                parts.end());
    set(keyword, join(parts));
  }
}

boost::asio::awaitable<Result<Target>> Target::resolve(Runtime& runtime) const {
  Target resolved = *this;
  const std::string hosts = value_of("host");
  if (hosts.empty() || !value_of("hostaddr").empty()) co_return resolved;
  std::vector<std::string> names = split(hosts);
  if (std::all_of(names.begin(), names.end(), &is_socket_path)) co_return resolved;
  std::function<Hosts()> look_up = [names, ports = split(value_of("port"))] {
    return resolve_all(names, ports);
  };
  const Hosts found = co_await run_blocking(runtime.blocking(), std::move(look_up));
  if (found.names.empty()) {
    co_return Error(Errc::unavailable, "PostgreSQL: no address is known of host " + hosts);
  }
  resolved.set("host", join(found.names));
  resolved.set("hostaddr", join(found.addresses));
  resolved.set("port", join(found.ports));
  co_return resolved;
}

}  // namespace rwp::net_postgres
