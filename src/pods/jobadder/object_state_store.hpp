#pragma once

#include <rwp/jobadder/state_store.hpp>
#include <rwp/storage/object_store.hpp>

#include <memory>

namespace rwp::pods {

/// Cells as objects of the same names, written conditionally; so all pods on one object store share
/// them. Threads and lifetime: as the object store, which it shares.
std::shared_ptr<jobadder::StateStore> make_object_state_store(
    std::shared_ptr<storage::ObjectStore> objects);

}  // namespace rwp::pods
