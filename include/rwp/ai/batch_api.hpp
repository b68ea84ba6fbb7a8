#pragma once

#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::ai {

/// A file to be kept by the provider.
struct FileUpload {
  /// 1 to 256 printable ASCII characters without quotes and backslashes; need not be unique.
  std::string filename{};
  std::string purpose = "batch";
  /// At most 200 MiB.
  std::string content{};
  /// The provider removes the file so long after it was made: 1 h to 30 days; zero: its default.
  std::chrono::seconds expires_after{0};
  SteadyTime deadline = SteadyTime::max();
};

struct ProviderFile {
  std::string id{};
  std::string filename{};
  std::string purpose{};
  std::int64_t bytes = 0;
  std::chrono::system_clock::time_point created_at{};
  /// The whole of it, as the provider says it.
  JsonText document{};
};

enum class BatchStatus : std::uint8_t {
  validating,
  failed,  ///< Refused as a whole: nothing of it was run.
  in_progress,
  finalizing,
  completed,
  expired,
  cancelling,
  cancelled,
  unknown,  ///< A word that is not known here: no end, so whoever waits looks again.
};

/// Whether nothing more comes. completed, expired and cancelled may all have answers and errors,
/// and what was answered is paid for.
constexpr bool has_ended(BatchStatus status) noexcept {
  return status == BatchStatus::failed || status == BatchStatus::completed ||
         status == BatchStatus::expired || status == BatchStatus::cancelled;
}

struct BatchRequest {
  std::string input_file_id{};
  std::string endpoint = "/v1/chat/completions";
  /// At most 16 pairs: names of 64, values of 512 characters.
  std::map<std::string, std::string> metadata{};
  SteadyTime deadline = SteadyTime::max();
};

struct Batch {
  std::string id{};
  BatchStatus status = BatchStatus::validating;
  std::string endpoint{};
  std::string input_file_id{};
  /// Empty: none (yet).
  std::string output_file_id{};
  std::string error_file_id{};
  std::map<std::string, std::string> metadata{};
  std::chrono::system_clock::time_point created_at{};
  std::int64_t total = 0;
  std::int64_t completed = 0;
  std::int64_t failed = 0;
  /// Of a failed one: the first reason.
  std::string reason{};
  /// The whole of it, as the provider says it.
  JsonText document{};
};

/// A page of a list, newest first.
struct PageQuery {
  /// The last id of the page before; empty: the first page.
  std::string after{};
  /// 1 to 100.
  int limit = 100;
  SteadyTime deadline = SteadyTime::max();
};

template <class T>
struct Page {
  std::vector<T> items{};
  bool has_more = false;
};

/// Gets each piece of a file, in order. Answering false ends the download (`Errc::cancelled`).
using OnFilePiece = std::function<bool(std::string_view piece)>;

/// Files and batches of a provider: many requests in one file, answered within a day at half the
/// price.
///
/// Nothing that makes something (upload, create) can be repeated safely: the provider knows no
/// idempotency. Its failure with `Errc::unavailable`, `deadline_exceeded`, `cancelled`, `corrupt`
/// or `conflict` leaves the outcome unknown; after any other, nothing was made. Errors besides as
/// ai::Model's; `Errc::not_found`: no such file or batch. Threads: confined to its runtime's I/O
/// thread, where calls may overlap. Lifetime: outlives its calls in flight.
class BatchApi {
 public:
  virtual ~BatchApi() = default;
  BatchApi(const BatchApi&) = delete;
  BatchApi& operator=(const BatchApi&) = delete;

  virtual boost::asio::awaitable<Result<ProviderFile>> upload(FileUpload upload) = 0;
  /// `purpose` empty: all.
  virtual boost::asio::awaitable<Result<Page<ProviderFile>>> files(std::string purpose,
                                                                   PageQuery query) = 0;
  virtual boost::asio::awaitable<Result<ProviderFile>> file(
      std::string id, SteadyTime deadline = SteadyTime::max()) = 0;
  /// A download that breaks off is `Errc::unavailable`, and worth a repetition.
  virtual boost::asio::awaitable<Result<void>> download(
      std::string id, OnFilePiece on_piece, SteadyTime deadline = SteadyTime::max()) = 0;
  virtual boost::asio::awaitable<Result<void>> remove_file(
      std::string id, SteadyTime deadline = SteadyTime::max()) = 0;

  virtual boost::asio::awaitable<Result<Batch>> create(BatchRequest request) = 0;
  virtual boost::asio::awaitable<Result<Batch>> get(std::string id,
                                                    SteadyTime deadline = SteadyTime::max()) = 0;
  virtual boost::asio::awaitable<Result<Page<Batch>>> list(PageQuery query) = 0;
  /// What has been answered is kept and paid for. `Errc::conflict`, `Errc::invalid_argument`: it
  /// has ended.
  virtual boost::asio::awaitable<Result<Batch>> cancel(std::string id,
                                                       SteadyTime deadline = SteadyTime::max()) = 0;

 protected:
  BatchApi() = default;
};

/// Whether a failure of BatchApi::upload() or create() tells that nothing was made.
bool made_nothing(const Error& error) noexcept;

}  // namespace rwp::ai
