#include "storage_s3/address.hpp"

#include "storage_s3/signature.hpp"

#include <algorithm>
#include <utility>

namespace rwp::storage::s3 {
namespace {

Error invalid(std::string message) {
  return Error(Errc::invalid_argument, "s3: " + std::move(message));
}

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_bucket(std::string_view name) {
  return name.size() >= 3 && name.size() <= 63 && is_lower_or_digit(name.front()) &&
         is_lower_or_digit(name.back()) && name.find("..") == std::string_view::npos &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_lower_or_digit(c) || c == '.' || c == '-'; });
}

bool is_region(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return is_lower_or_digit(c) || c == '-';
  });
}

bool is_host(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return is_lower_or_digit(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '-' || c == '_' ||
           c == ':' || c == '[' || c == ']';
  });
}

}  // namespace

Result<Address> Address::make(const S3StorageOptions& options) {
  Address address;
  address.bucket_ = options.bucket;
  if (!is_bucket(options.bucket)) {
    return invalid("the bucket's name is not 3 to 63 of a-z 0-9 . and -");
  }
  address.region_ = options.region.empty() ? "us-east-1" : options.region;
  if (!is_region(address.region_)) return invalid("the region is not 1 to 64 of a-z 0-9 and -");
  const bool has_dots = options.bucket.find('.') != std::string::npos;
  address.path_style_ = options.path_style.value_or(!options.endpoint.empty() || has_dots);
  address.scheme_ = "https";
  if (options.endpoint.empty()) return address;

  std::string_view rest = options.endpoint;
  const std::size_t mark = rest.find("://");
  address.scheme_ = std::string(rest.substr(0, mark));
  if (mark == std::string_view::npos || (address.scheme_ != "http" && address.scheme_ != "https")) {
    return invalid("the endpoint is not http://HOST[:PORT] or https://HOST[:PORT]");
  }
  rest.remove_prefix(mark + 3);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (!is_host(rest)) return invalid("the endpoint names no host, or more than host and port");
  const std::string_view own_port = address.is_tls() ? ":443" : ":80";
  if (rest.ends_with(own_port)) rest.remove_suffix(own_port.size());
  address.endpoint_ = rest;
  return address;
}

std::string Address::host() const {
  const std::string base = endpoint_.empty() ? "s3." + region_ + ".amazonaws.com" : endpoint_;
  return path_style_ ? base : bucket_ + "." + base;
}

std::string Address::path(std::string_view key) const {
  std::string path = "/";
  if (path_style_) {
    path += bucket_;
    if (!key.empty()) path += '/';
  }
  return path + percent_encoded(key, true);
}

bool Address::move_to(std::string_view region) {
  if (!is_region(region) || region == region_) return false;
  region_ = region;
  return true;
}

}  // namespace rwp::storage::s3
