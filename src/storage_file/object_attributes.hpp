#pragma once

#include <rwp/core/error.hpp>
#include <rwp/storage/object_store.hpp>

#include <string>
#include <string_view>
#include <sys/stat.h>

/// Content type, etag and metadata, kept in extended attributes of the object's file, so that file
/// and attributes appear in one step.
namespace rwp::storage {

/// Writes the attributes to a file whose content is complete. `Errc::unsupported`: this file system
/// keeps none, and there are metadata, or the type is not the one that the key's extension tells
/// anyway.
Result<void> write_attributes(int descriptor, std::string_view key, std::string_view etag,
                              const std::string& content_type, const ObjectMetadata& metadata);

/// What is known of the open file. An attribute that is missing, or older than the content (edited
/// by hand), is made up for: the etag by reading, the type by the key's extension.
Result<ObjectInfo> read_info(int descriptor, const struct ::stat& status, std::string_view key);

std::chrono::system_clock::time_point modified_at(const struct ::stat& status);

}  // namespace rwp::storage
