#include "pods/jobadder/object_state_store.hpp"

#include <rwp/core/uuid.hpp>

#include <utility>

namespace rwp::pods {
namespace {

using boost::asio::awaitable;
using jobadder::StateCell;

class ObjectStateStore final : public jobadder::StateStore {
 public:
  explicit ObjectStateStore(std::shared_ptr<storage::ObjectStore> objects)
      : objects_(std::move(objects)) {}

  awaitable<Result<StateCell>> get(std::string name) override {
    // The etag names the content, so that the two can be asked for one after the other: a write
    // between them is seen by the write that follows.
    const auto info = co_await objects_->head(name);
    if (!info) co_return info.error();
    auto content = co_await objects_->get(name);
    if (!content) co_return content.error();
    const auto line = content->find('\n');
    if (line == std::string::npos) {
      co_return Error(Errc::corrupt, "state '" + name + "' is not one that this library wrote");
    }
    StateCell cell;
    cell.text = content->substr(line + 1);
    cell.version = info->etag;
    co_return cell;
  }

  awaitable<Result<std::string>> put(std::string name, std::string text,
                                     std::string version) override {
    storage::PutOptions options;
    options.content_type = "application/octet-stream";
    options.only_if_absent = version.empty();
    options.if_match = std::move(version);
    // Equal contents have equal etags; no two writes are equal.
    std::string content = Uuid::make_v7().to_string() + "\n" + text;
    auto written = co_await objects_->put(name, std::move(content), std::move(options));
    if (written) co_return written->etag;
    const Errc code = written.error().code();
    if (code == Errc::already_exists || code == Errc::conflict || code == Errc::not_found) {
      co_return Error(Errc::conflict, "state '" + name + "' has been written meanwhile");
    }
    co_return written.error();
  }

 private:
  const std::shared_ptr<storage::ObjectStore> objects_;
};

}  // namespace

std::shared_ptr<jobadder::StateStore> make_object_state_store(
    std::shared_ptr<storage::ObjectStore> objects) {
  return std::make_shared<ObjectStateStore>(std::move(objects));
}

}  // namespace rwp::pods
