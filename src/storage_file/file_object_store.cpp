#include "storage_file/object_files.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/core/scheme_registry.hpp>
#include <rwp/storage_file/file_object_store.hpp>

#include <utility>

namespace rwp::storage {
namespace {

/// Hands each call to the pool. The functions own what they need: they may run on when the caller
/// has been cancelled.
class FileObjectStore final : public ObjectStore {
 public:
  FileObjectStore(boost::asio::any_io_executor pool, std::shared_ptr<ObjectFiles> files)
      : pool_(std::move(pool)), files_(std::move(files)) {}

 private:
  boost::asio::awaitable<Result<ObjectInfo>> do_put(std::string key, std::string content,
                                                    PutOptions options) override {
    auto work = [files = files_, key = std::move(key), content = std::move(content),
                 options = std::move(options)] { return files->put(key, content, options); };
    return run_blocking(pool_, std::move(work));
  }

  boost::asio::awaitable<Result<std::string>> do_get(std::string key, ByteRange range) override {
    auto work = [files = files_, key = std::move(key), range] { return files->get(key, range); };
    return run_blocking(pool_, std::move(work));
  }

  boost::asio::awaitable<Result<ObjectInfo>> do_head(std::string key) override {
    auto work = [files = files_, key = std::move(key)] { return files->head(key); };
    return run_blocking(pool_, std::move(work));
  }

  boost::asio::awaitable<Result<ListPage>> do_list(ListOptions options) override {
    auto work = [files = files_, options = std::move(options)] { return files->list(options); };
    return run_blocking(pool_, std::move(work));
  }

  boost::asio::awaitable<Result<void>> do_remove(std::string key) override {
    auto work = [files = files_, key = std::move(key)] { return files->remove(key); };
    return run_blocking(pool_, std::move(work));
  }

  const boost::asio::any_io_executor pool_;
  const std::shared_ptr<ObjectFiles> files_;
};

}  // namespace

Result<std::shared_ptr<ObjectStore>> open_file_object_store(Runtime& runtime,
                                                            FileStorageOptions options) {
  auto files = std::make_shared<ObjectFiles>();
  if (auto opened = files->open(options.root); !opened) return opened.error();
  return std::make_shared<FileObjectStore>(runtime.blocking(), std::move(files));
}

std::string object_file_path(std::string_view root, std::string_view key) {
  const KeyPath names(key);
  std::string path(root);
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  if (!path.ends_with('/')) path += '/';
  for (const std::string& folder : names.folders) path += folder + "/";
  return path + names.file;
}

void register_file_storage(SchemeRegistry& registry) {
  registry.add<ObjectStore>(
      "file", [](const Url& url, Runtime& runtime) -> Result<std::shared_ptr<ObjectStore>> {
        if (auto known = url.allow_query({}); !known) return known.error();
        std::string path = url.path();
        if (path.starts_with("//")) {
          path.erase(0, 2);
          if (path.starts_with("localhost/")) path.erase(0, 9);
          if (!path.starts_with('/')) {
            return Error(Errc::invalid_argument,
                         url.masked() + ": names a host; write file:/path or file:./path");
          }
        }
        if (path.empty() || path.find('\0') != std::string::npos) {
          return Error(Errc::invalid_argument,
                       url.masked() + ": names no directory; write file:./objects");
        }
        FileStorageOptions options{.root = std::move(path)};
        return open_file_object_store(runtime, std::move(options));
      });
}

}  // namespace rwp::storage
