#include "conformance/object_store_conformance.hpp"
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

std::string name_of(const ::testing::TestParamInfo<ObjectStoreBackend>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(
    Backends, ObjectStoreConformance,
    ::testing::Values(
        ObjectStoreBackend{"memory", [](Runtime&) { return storage::make_memory_object_store(); }},
        ObjectStoreBackend{"file", &make_file_store}),
    &name_of);

}  // namespace
}  // namespace rwp::tests
