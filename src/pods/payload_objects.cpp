#include "pods/payload_objects.hpp"

#include <rwp/storage/blob_store.hpp>
#include <rwp/storage/object_store.hpp>

#include <utility>

namespace rwp::pods {
namespace {

using boost::asio::awaitable;

class PayloadObjects final : public BlobStore {
 public:
  PayloadObjects(SchemeRegistry schemes, std::string url, Runtime& runtime)
      : schemes_(std::move(schemes)), url_(std::move(url)), runtime_(runtime) {}

  awaitable<Result<void>> put_blob(std::string key, std::string content) override {
    const auto opened = open();
    if (!opened) co_return opened.error();
    co_return co_await blobs_->put_blob(std::move(key), std::move(content));
  }

  awaitable<Result<std::string>> get_blob(std::string key) override {
    const auto opened = open();
    if (!opened) co_return opened.error();
    co_return co_await blobs_->get_blob(std::move(key));
  }

  awaitable<Result<void>> remove_blob(std::string key) override {
    const auto opened = open();
    if (!opened) co_return opened.error();
    co_return co_await blobs_->remove_blob(std::move(key));
  }

 private:
  Result<void> open() {
    if (blobs_) return {};
    auto objects = schemes_.open<storage::ObjectStore>(url_, runtime_);
    if (!objects) return objects.error().with_context("object store");
    blobs_ = storage::as_blob_store(std::move(*objects));
    return {};
  }

  const SchemeRegistry schemes_;
  const std::string url_;
  Runtime& runtime_;
  std::shared_ptr<BlobStore> blobs_;
};

}  // namespace

std::shared_ptr<BlobStore> payload_objects(SchemeRegistry schemes, std::string url,
                                           Runtime& runtime) {
  return std::make_shared<PayloadObjects>(std::move(schemes), std::move(url), runtime);
}

}  // namespace rwp::pods
