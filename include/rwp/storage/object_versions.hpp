#pragma once

#include <rwp/storage/object_store.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace rwp::storage {

/// What a store offers besides, when it may keep earlier versions of objects, and objects that were
/// removed as such. Arguments have been checked; errors and threads as ObjectStore's.
class ObjectVersions {
 public:
  virtual ~ObjectVersions() = default;
  ObjectVersions(const ObjectVersions&) = delete;
  ObjectVersions& operator=(const ObjectVersions&) = delete;

  virtual boost::asio::awaitable<Result<ListPage>> list_versions(ListOptions options) = 0;
  virtual boost::asio::awaitable<Result<std::size_t>> purge(std::string key) = 0;

 protected:
  ObjectVersions() = default;
};

/// As ObjectStore::list(), with keys whose object was removed while the store keeps earlier
/// versions of it; their size and time are one of these's.
boost::asio::awaitable<Result<ListPage>> list_with_removed(std::shared_ptr<ObjectStore> store,
                                                           ListOptions options = ListOptions());

/// Removes the object with all versions of it that the store keeps, so that none of its bytes can
/// be read any more; answers how many there were, 0 where nothing was.
boost::asio::awaitable<Result<std::size_t>> purge(std::shared_ptr<ObjectStore> store,
                                                  std::string key);

}  // namespace rwp::storage
