#include "conformance/object_store_conformance.hpp"
#include "support/radosgw.hpp"
#include "support/temporary_directory.hpp"
#include <rwp/storage_file/file_object_store.hpp>
#include <rwp/storage_memory/memory_object_store.hpp>

namespace rwp::tests {
namespace {

std::shared_ptr<storage::ObjectStore> make_file_store(Runtime& runtime) {
  // Store and directory go together.
  struct Kept {
    TemporaryDirectory directory{};
    std::shared_ptr<storage::ObjectStore> store{};
  };
  auto kept = std::make_shared<Kept>();
  storage::FileStorageOptions options{.root = kept->directory.path() / "objects"};
  kept->store = storage::open_file_object_store(runtime, options).value();
  return {kept, kept->store.get()};
}

std::shared_ptr<storage::ObjectStore> make_s3_store(Runtime& runtime) {
  const RadosGateway* gateway = RadosGateway::shared();
  return gateway != nullptr ? gateway->open(runtime, gateway->options()) : nullptr;
}

}  // namespace

std::vector<ObjectStoreBackend> object_store_backends() {
  return {
      ObjectStoreBackend{"memory", [](Runtime&) { return storage::make_memory_object_store(); }},
      ObjectStoreBackend{"file", &make_file_store},
      ObjectStoreBackend{"s3", &make_s3_store},
  };
}

INSTANTIATE_TEST_SUITE_P(Backends, ObjectStoreConformance,
                         ::testing::ValuesIn(object_store_backends()), &object_store_name);

}  // namespace rwp::tests
