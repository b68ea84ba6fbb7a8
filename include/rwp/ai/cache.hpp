#pragma once

#include <rwp/core/blob_store.hpp>
#include <rwp/core/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace rwp::ai {

/// How the keys of answers begin that are about somebody (ChatRequest::subject).
inline std::string subject_prefix(std::string_view subject) { return std::string(subject) + "/"; }

/// Keeps answers for a while. It may forget at any time.
///
/// Threads: confined to its runtime's I/O thread. Lifetime: outlives its calls in flight.
class Cache {
 public:
  virtual ~Cache() = default;
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  /// None: not there, or past its time.
  virtual boost::asio::awaitable<Result<std::optional<std::string>>> get(std::string key) = 0;
  /// Replaces what was there. `time_to_live` is above zero.
  virtual boost::asio::awaitable<Result<void>> put(std::string key, std::string value,
                                                   std::chrono::seconds time_to_live) = 0;
  /// Removes all whose key begins so; answers how many. `Errc::unsupported`: cannot tell.
  virtual boost::asio::awaitable<Result<std::size_t>> remove_all(std::string prefix);

 protected:
  Cache() = default;
};

struct MemoryCacheOptions {
  /// Keys, values and what it takes to keep them; beyond it, what was not read for longest goes.
  std::size_t max_bytes = std::size_t{64} << 20U;
  /// A larger value is not kept.
  std::size_t max_value_bytes = std::size_t{1} << 20U;
  /// Tells the time; for tests.
  std::function<std::chrono::steady_clock::time_point()> now = &std::chrono::steady_clock::now;
};

/// In this process, bounded.
std::shared_ptr<Cache> make_memory_cache(MemoryCacheOptions options = MemoryCacheOptions());

/// Tells wall time to a cache whose entries outlive the process.
using CacheClock = std::function<std::chrono::system_clock::time_point()>;

/// As blobs under `prefix` and the key; each begins with the time of its end. What has ended is
/// removed when it is next read, so let the store remove old objects as well. A blob that is none
/// of this cache's counts as not there. Those about somebody lie under `prefix`
/// and subject_prefix(), where the store's listing finds them.
std::shared_ptr<Cache> make_blob_cache(std::shared_ptr<BlobStore> blobs,
                                       std::string prefix = "ai-cache/",
                                       CacheClock now = &std::chrono::system_clock::now);

/// `first` in front of `second`: what is found in the second is kept in the first, for a minute.
std::shared_ptr<Cache> make_layered_cache(std::shared_ptr<Cache> first,
                                          std::shared_ptr<Cache> second);

}  // namespace rwp::ai
