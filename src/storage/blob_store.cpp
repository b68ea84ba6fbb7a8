#include <rwp/storage/blob_store.hpp>

#include <utility>

namespace rwp::storage {
namespace {

class ObjectBlobStore final : public BlobStore {
 public:
  explicit ObjectBlobStore(std::shared_ptr<ObjectStore> store) : store_(std::move(store)) {}

  boost::asio::awaitable<Result<void>> put_blob(std::string key, std::string content) override {
    const auto stored = co_await store_->put(std::move(key), std::move(content));
    if (!stored) co_return stored.error();
    co_return Result<void>();
  }

  boost::asio::awaitable<Result<std::string>> get_blob(std::string key) override {
    return store_->get(std::move(key));
  }

  boost::asio::awaitable<Result<void>> remove_blob(std::string key) override {
    return store_->remove(std::move(key));
  }

 private:
  const std::shared_ptr<ObjectStore> store_;
};

}  // namespace

std::shared_ptr<BlobStore> as_blob_store(std::shared_ptr<ObjectStore> store) {
  return std::make_shared<ObjectBlobStore>(std::move(store));
}

}  // namespace rwp::storage
