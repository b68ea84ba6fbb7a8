#pragma once

#include <rwp/core/blob_store.hpp>
#include <rwp/storage/object_store.hpp>

#include <memory>

namespace rwp::storage {

/// Lets components that know only rwp::BlobStore keep their blobs in `store`, under the same keys.
/// Threads and lifetime: those of the store, which it shares.
std::shared_ptr<BlobStore> as_blob_store(std::shared_ptr<ObjectStore> store);

}  // namespace rwp::storage
