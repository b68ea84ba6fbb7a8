#pragma once

#include <rwp/storage/object_store.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

namespace rwp {
class SchemeRegistry;
}

namespace rwp::storage {

struct MemoryStorageOptions {
  /// Most bytes of keys and contents together; a put beyond it is `Errc::unavailable`. Default 1
  /// GiB.
  std::size_t max_bytes = std::size_t{1} << 30U;
  /// Tells the time of ObjectInfo::modified_at.
  std::function<std::chrono::system_clock::time_point()> now = &std::chrono::system_clock::now;
};

/// Keeps objects in this process, for tests and for runs that leave nothing behind. The etag is the
/// SHA-256 of the content in hexadecimal.
std::shared_ptr<ObjectStore> make_memory_object_store(
    MemoryStorageOptions options = MemoryStorageOptions());

/// `memory:`, each time an empty store of its own; `?max_bytes=N` as in MemoryStorageOptions.
void register_memory_storage(SchemeRegistry& registry);

}  // namespace rwp::storage
