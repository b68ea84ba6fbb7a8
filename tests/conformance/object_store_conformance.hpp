#pragma once

#include "support/run.hpp"
#include <rwp/core/runtime.hpp>
#include <rwp/storage/blob_store.hpp>
#include <rwp/storage/object_store.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

namespace rwp::tests {

/// A backend that keeps the promises of object_store.hpp.
struct ObjectStoreBackend {
  std::string name{};
  /// An empty store at each call; null: what it needs is not installed.
  std::function<std::shared_ptr<storage::ObjectStore>(Runtime& runtime)> make{};
};

/// Those that there are.
std::vector<ObjectStoreBackend> object_store_backends();
inline std::string object_store_name(const ::testing::TestParamInfo<ObjectStoreBackend>& info) {
  return info.param.name;
}

/// How GoogleTest, and so CTest, names it.
inline void PrintTo(const ObjectStoreBackend& backend, std::ostream* out) { *out << backend.name; }

class ObjectStoreConformance : public ::testing::TestWithParam<ObjectStoreBackend> {
 protected:
  void SetUp() override {
    if (!store_) GTEST_SKIP() << "its server is not installed";
  }

  Result<storage::ObjectInfo> put(std::string key, std::string content,
                                  storage::PutOptions options = storage::PutOptions()) {
    return run(runtime_, store_->put(std::move(key), std::move(content), std::move(options)));
  }
  Result<std::string> get(std::string key, storage::ByteRange range = storage::ByteRange()) {
    return run(runtime_, store_->get(std::move(key), range));
  }
  Result<storage::ObjectInfo> head(std::string key) {
    return run(runtime_, store_->head(std::move(key)));
  }
  Result<storage::ListPage> list(storage::ListOptions options = storage::ListOptions()) {
    return run(runtime_, store_->list(std::move(options)));
  }
  Result<void> remove(std::string key) { return run(runtime_, store_->remove(std::move(key))); }

  /// All keys under the prefix, read in pages of `limit`.
  std::vector<std::string> keys(std::string prefix, std::size_t limit) {
    std::vector<std::string> found;
    storage::ListOptions options{.prefix = std::move(prefix), .limit = limit};
    do {
      const auto page = list(options).value();
      EXPECT_LE(page.entries.size(), limit);
      for (const auto& entry : page.entries) found.push_back(entry.key);
      options.cursor = page.next_cursor;
    } while (!options.cursor.empty());
    return found;
  }

  Runtime runtime_{RuntimeOptions{.name = "test", .blocking_threads = 8}};
  std::shared_ptr<storage::ObjectStore> store_ = GetParam().make(runtime_);
};

}  // namespace rwp::tests
