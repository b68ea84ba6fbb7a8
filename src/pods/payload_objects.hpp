#pragma once

#include <rwp/core/blob_store.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/core/scheme_registry.hpp>

#include <memory>
#include <string>

namespace rwp::pods {

/// Where a job store keeps payloads that are too large for a row: in the object store that `url`
/// names, opened when the first one comes, so that a pod that never has any needs none.
/// Threads: confined to `runtime`, which is the job store's.
std::shared_ptr<BlobStore> payload_objects(SchemeRegistry schemes, std::string url,
                                           Runtime& runtime);

}  // namespace rwp::pods
