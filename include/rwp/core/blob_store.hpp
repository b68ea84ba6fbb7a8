#pragma once

#include <rwp/core/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <string>

namespace rwp {

/// Where components keep what is too large for their own rows (payloads, artefacts); object stores
/// implement it.
///
/// Keys are relative paths such as "payloads/0190…". A put is atomic and durable, and safe to
/// repeat. Threads: confined to its runtime's I/O thread. Lifetime: outlives its calls in flight.
class BlobStore {
 public:
  virtual ~BlobStore() = default;
  BlobStore(const BlobStore&) = delete;
  BlobStore& operator=(const BlobStore&) = delete;

  virtual boost::asio::awaitable<Result<void>> put_blob(std::string key, std::string content) = 0;
  /// `Errc::not_found`: nothing under `key`.
  virtual boost::asio::awaitable<Result<std::string>> get_blob(std::string key) = 0;
  /// Success also when nothing was there.
  virtual boost::asio::awaitable<Result<void>> remove_blob(std::string key) = 0;

 protected:
  BlobStore() = default;
};

}  // namespace rwp
