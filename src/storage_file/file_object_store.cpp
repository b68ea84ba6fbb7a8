#include "storage_file/object_files.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/core/scheme_registry.hpp>
#include <rwp/storage_file/file_object_store.hpp>

#include <algorithm>
#include <utility>

namespace rwp::storage {
namespace {

/// Reads from a descriptor, which keeps the version that was opened.
class FileReader final : public ObjectReader {
 public:
  FileReader(boost::asio::any_io_executor pool, std::string key, posix::FileDescriptor file,
             ObjectInfo info, ByteRange range)
      : pool_(std::move(pool)),
        key_(std::move(key)),
        file_(std::make_shared<posix::FileDescriptor>(std::move(file))),
        info_(std::move(info)),
        at_(range.offset),
        end_(at_ + std::min(info_.size_bytes - at_, range.length.value_or(info_.size_bytes))) {}

  const ObjectInfo& info() const noexcept override { return info_; }

  boost::asio::awaitable<Result<std::string>> read() override {
    constexpr std::uint64_t kPieceBytes = std::uint64_t{1} << 20U;
    const auto bytes = static_cast<std::size_t>(std::min(kPieceBytes, end_ - at_));
    auto work = [file = file_, key = key_, at = static_cast<std::size_t>(at_), bytes] {
      return posix::read_exactly(file->get(), at, bytes, "object " + key);
    };
    at_ += bytes;
    return run_blocking(pool_, std::move(work));
  }

 private:
  const boost::asio::any_io_executor pool_;
  const std::string key_;
  const std::shared_ptr<posix::FileDescriptor> file_;
  const ObjectInfo info_;
  std::uint64_t at_;
  const std::uint64_t end_;
};

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

  boost::asio::awaitable<Result<ObjectInfo>> do_upload(std::string key, PieceSource source,
                                                       UploadOptions options) override {
    auto begin = [files = files_, key] { return files->begin(key); };
    auto beginning = run_blocking(pool_, std::move(begin));
    auto begun = co_await std::move(beginning);
    if (!begun) co_return begun.error();
    const std::shared_ptr<ObjectDraft> draft(std::move(*begun));
    while (true) {
      auto asking = source();
      auto piece = co_await std::move(asking);
      if (!piece) co_return piece.error();
      if (piece->empty()) break;
      auto append = [draft, key, piece = std::move(*piece)] { return draft->append(key, piece); };
      auto appending = run_blocking(pool_, std::move(append));
      auto appended = co_await std::move(appending);
      if (!appended) co_return appended.error();
    }
    auto publish = [files = files_, draft, key, put = std::move(options.put)] {
      return files->publish(key, *draft, put);
    };
    auto publishing = run_blocking(pool_, std::move(publish));
    co_return co_await std::move(publishing);
  }

  boost::asio::awaitable<Result<std::unique_ptr<ObjectReader>>> do_open(std::string key,
                                                                        ByteRange range) override {
    auto open = [files = files_, key] { return files->open_for_reading(key); };
    auto opening = run_blocking(pool_, std::move(open));
    auto opened = co_await std::move(opening);
    if (!opened) co_return opened.error();
    if (range.offset > opened->second.size_bytes) {
      co_return Error(Errc::invalid_argument, "range starts behind the end of object " + key);
    }
    auto reader = std::make_unique<FileReader>(pool_, std::move(key), std::move(opened->first),
                                               std::move(opened->second), range);
    co_return std::unique_ptr<ObjectReader>(std::move(reader));
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
