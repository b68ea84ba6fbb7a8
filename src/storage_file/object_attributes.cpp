#include "storage_file/object_attributes.hpp"

#include "core/posix_file.hpp"
#include <rwp/core/sha256.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <sys/xattr.h>
#include <utility>

namespace rwp::storage {
namespace {

constexpr const char* kAttribute = "user.rwp.object";
/// "name=value", a line each.
constexpr const char* kMetadata = "user.rwp.metadata";

/// "1 <etag> <mtime in ns> <content type>"
struct Attributes {
  std::string etag{};
  std::string content_type{};
};

std::string mtime_text(const struct ::stat& status) {
  return std::to_string(status.st_mtim.tv_sec) + "." + std::to_string(status.st_mtim.tv_nsec);
}

std::optional<Attributes> parse(std::string_view text, const struct ::stat& status) {
  const auto word = [&text] {
    const std::string_view first = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(first.size() + 1, text.size()));
    return first;
  };
  if (word() != "1") return std::nullopt;
  Attributes attributes{.etag = std::string(word())};
  if (attributes.etag.size() != 64 || word() != mtime_text(status)) return std::nullopt;
  attributes.content_type = std::string(text);
  return attributes;
}

std::string_view type_by_extension(std::string_view key) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 14> kTypes = {{
      {".html", "text/html"},
      {".txt", "text/plain"},
      {".csv", "text/csv"},
      {".md", "text/markdown"},
      {".json", "application/json"},
      {".jsonl", "application/jsonl"},
      {".xml", "application/xml"},
      {".pdf", "application/pdf"},
      {".rtf", "application/rtf"},
      {".docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
      {".png", "image/png"},
      {".jpg", "image/jpeg"},
      {".svg", "image/svg+xml"},
      {".zip", "application/zip"},
  }};
  for (const auto& [extension, type] : kTypes) {
    if (key.ends_with(extension)) return type;
  }
  return kDefaultContentType;
}

/// "text/html; charset=utf-8" is text/html.
std::string_view without_parameters(std::string_view type) {
  return type.substr(0, type.find(';'));
}

}  // namespace

std::chrono::system_clock::time_point modified_at(const struct ::stat& status) {
  return std::chrono::system_clock::time_point(std::chrono::seconds(status.st_mtim.tv_sec) +
                                               std::chrono::nanoseconds(status.st_mtim.tv_nsec));
}

Result<void> write_attributes(int descriptor, std::string_view key, std::string_view etag,
                              const std::string& content_type, const ObjectMetadata& metadata) {
  struct ::stat status {};
  if (::fstat(descriptor, &status) != 0) return posix::error_from_errno(errno, key);
  const std::string value =
      "1 " + std::string(etag) + " " + mtime_text(status) + " " + content_type;
  std::string lines;
  for (const auto& [name, text] : metadata)
    lines.append(name).append("=").append(text).append("\n");
  if ((lines.empty() || ::fsetxattr(descriptor, kMetadata, lines.data(), lines.size(), 0) == 0) &&
      ::fsetxattr(descriptor, kAttribute, value.data(), value.size(), 0) == 0) {
    return {};
  }
  if (errno != ENOTSUP && errno != EPERM) return posix::error_from_errno(errno, key);
  const bool is_told_anyway = content_type == kDefaultContentType ||
                              without_parameters(content_type) == type_by_extension(key);
  if (metadata.empty() && is_told_anyway) return {};
  return Error(Errc::unsupported, "object " + std::string(key) +
                                      ": this file system has no user attributes to keep the "
                                      "content type and metadata in; leave them empty");
}

namespace {

ObjectMetadata read_metadata(int descriptor) {
  ObjectMetadata metadata;
  std::array<char, 8192> buffer{};
  const ::ssize_t length = ::fgetxattr(descriptor, kMetadata, buffer.data(), buffer.size());
  std::string_view rest(buffer.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    metadata.emplace(line.substr(0, equals), line.substr(equals + 1));
  }
  return metadata;
}

}  // namespace

Result<ObjectInfo> read_info(int descriptor, const struct ::stat& status, std::string_view key) {
  ObjectInfo info;
  info.size_bytes = static_cast<std::uint64_t>(status.st_size);
  info.modified_at = modified_at(status);
  info.metadata = read_metadata(descriptor);

  std::array<char, 512> buffer{};
  const ::ssize_t length = ::fgetxattr(descriptor, kAttribute, buffer.data(), buffer.size());
  if (length > 0) {
    const std::string_view text(buffer.data(), static_cast<std::size_t>(length));
    if (auto attributes = parse(text, status)) {
      info.etag = std::move(attributes->etag);
      info.content_type = std::move(attributes->content_type);
      return info;
    }
  }
  info.content_type = type_by_extension(key);
  if (info.size_bytes > kMaxObjectBytes) {
    // Nothing that this store wrote; reading it all for its name would cost too much.
    info.etag = "weak-" + std::to_string(info.size_bytes) + "-" + mtime_text(status);
    return info;
  }
  const auto content =
      posix::read_exactly(descriptor, 0, static_cast<std::size_t>(info.size_bytes), key);
  if (!content) return content.error();
  info.etag = to_hex(sha256(*content));
  return info;
}

}  // namespace rwp::storage
