#include "storage_s3/digest.hpp"
#include "storage_s3/multipart.hpp"
#include "storage_s3/operations.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

namespace rwp::storage::s3 {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;

/// S3 takes ten thousand parts; a size that is not known is hoped to fit.
std::size_t part_bytes_for(const S3StorageOptions& options, std::optional<std::uint64_t> size) {
  const std::uint64_t least = (size.value_or(0) / kMaxParts / kMiB + 1) * kMiB;
  return std::max<std::size_t>(options.part_bytes, static_cast<std::size_t>(least));
}

/// The etag that S3 makes of parts: the MD5 of their MD5s, and how many they are.
std::string etag_of_parts(const std::vector<std::string>& md5s) {
  std::string all;
  for (const std::string& one : md5s) all += one;
  return hex_of(md5(all)) + "-" + std::to_string(md5s.size());
}

/// The MD5 that a part's etag tells; empty: it tells none.
std::string md5_in(std::string_view etag) {
  std::string bytes;
  for (std::size_t i = 0; etag.size() == 32 && i < etag.size(); i += 2) {
    unsigned byte = 0;
    const char* end = etag.data() + i + 2;
    if (std::from_chars(etag.data() + i, end, byte, 16).ptr != end) return {};
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

/// Removes what has been stored of it.
boost::asio::awaitable<void> discard(std::shared_ptr<Client> client, Multipart upload,
                                     std::string shown) {
  auto aborting = abort_multipart(client, std::move(upload), std::move(shown));
  const auto aborted = co_await std::move(aborting);
  if (!aborted) {
    client->options().log.warn("s3: parts of a failed upload are left behind",
                               {{"error", aborted.error()}});
  }
}

/// An object that is put part by part, several at a time.
class Upload : public std::enable_shared_from_this<Upload> {
 public:
  Upload(std::shared_ptr<Client> client, std::string key, std::string shown, PieceSource source,
         UploadOptions options)
      : client_(std::move(client)),
        key_(std::move(key)),
        shown_(std::move(shown)),
        source_(std::move(source)),
        options_(std::move(options)),
        part_bytes_(part_bytes_for(client_->options(), options_.size_bytes)) {}

  boost::asio::awaitable<Result<ObjectInfo>> run();

 private:
  boost::asio::awaitable<Result<std::string>> next_part();
  boost::asio::awaitable<Result<void>> check_condition();
  boost::asio::awaitable<Result<void>> begin();
  boost::asio::awaitable<Result<ObjectInfo>> send_all(std::string first);
  boost::asio::awaitable<Result<void>> wait_until_fewer(std::size_t parts);
  void start_part(std::size_t number, std::string bytes);
  static boost::asio::awaitable<void> send_part(std::shared_ptr<Upload> self, std::size_t number,
                                                std::string bytes);
  static boost::asio::awaitable<void> give_up(std::shared_ptr<Upload> self);

  const std::shared_ptr<Client> client_;
  const std::string key_;
  const std::string shown_;
  const PieceSource source_;
  const UploadOptions options_;
  const std::size_t part_bytes_;

  std::string rest_;
  bool source_ended_ = false;
  Multipart upload_;
  /// What stands already of an upload that is gone on with.
  std::map<std::size_t, StoredPart> stored_;
  std::map<std::size_t, Task> under_way_;
  std::vector<std::string> etags_;
  std::vector<std::string> md5s_;
  std::optional<Error> failure_;
  bool given_up_ = false;
  Signal changed_;
};

/// Full, unless it is the last.
boost::asio::awaitable<Result<std::string>> Upload::next_part() {
  std::string part = std::exchange(rest_, std::string());
  while (part.size() < part_bytes_ && !source_ended_) {
    auto asking = source_();
    auto piece = co_await std::move(asking);
    if (!piece) co_return piece.error();
    source_ended_ = piece->empty();
    if (part.empty()) {
      part = std::move(*piece);
    } else {
      // At once, and all parts alike, so that the memory of one fits the next. What is not filled
      // is not in use either.
      part.reserve(part_bytes_ + piece->size());
      part += *piece;
    }
  }
  if (part.size() > part_bytes_) {
    rest_ = part.substr(part_bytes_);
    part.resize(part_bytes_);
  }
  co_return part;
}

/// Before much is sent in vain; the last request asks for it again.
boost::asio::awaitable<Result<void>> Upload::check_condition() {
  if (!options_.put.only_if_absent && options_.put.if_match.empty()) co_return Result<void>();
  auto looking = head_object(client_, key_, shown_);
  const auto found = co_await std::move(looking);
  if (!found && found.error().code() != Errc::not_found) co_return found.error();
  const bool holds =
      options_.put.only_if_absent ? !found : found && found->etag == options_.put.if_match;
  if (!holds) co_return conflict_of(options_.put, shown_);
  co_return Result<void>();
}

boost::asio::awaitable<Result<void>> Upload::begin() {
  auto checking = check_condition();
  auto checked = co_await std::move(checking);
  if (!checked) co_return checked.error();
  if (options_.resumable) {
    auto finding = find_multipart(client_, key_, shown_);
    auto found = co_await std::move(finding);
    if (!found) co_return found.error();
    if (!found->id.empty()) {
      auto listing = list_parts(client_, *found, shown_);
      auto parts = co_await std::move(listing);
      if (!parts) co_return parts.error();
      upload_ = std::move(*found);
      stored_ = std::move(*parts);
      co_return Result<void>();
    }
  }
  auto beginning = begin_multipart(client_, key_, shown_, options_.put);
  auto begun = co_await std::move(beginning);
  if (!begun) co_return begun.error();
  upload_ = std::move(*begun);
  co_return Result<void>();
}

boost::asio::awaitable<void> Upload::send_part(std::shared_ptr<Upload> self, std::size_t number,
                                               std::string bytes) {
  auto hashing = self->client_->payload(std::move(bytes));
  const auto payload = co_await std::move(hashing);
  self->md5s_[number - 1] = payload->md5;
  const auto stored = self->stored_.find(number);
  if (stored != self->stored_.end() && stored->second.size_bytes == payload->bytes.size() &&
      stored->second.etag == hex_of(payload->md5)) {
    self->etags_[number - 1] = stored->second.etag;
    co_return;
  }
  auto putting = put_part(self->client_, self->upload_, number, payload, self->shown_);
  auto etag = co_await std::move(putting);
  if (etag) {
    self->etags_[number - 1] = std::move(*etag);
  } else if (!self->failure_) {
    self->failure_ = etag.error();
  }
}

void Upload::start_part(std::size_t number, std::string bytes) {
  etags_.resize(number);
  md5s_.resize(number);
  auto on_end = [self = shared_from_this(), number](std::exception_ptr thrown) {
    if (thrown && !self->failure_) self->failure_ = detail::from_exception(thrown);
    self->under_way_.erase(number);
    self->changed_.notify_all();
  };
  under_way_[number] =
      Task(client_->executor(), send_part(shared_from_this(), number, std::move(bytes)),
           std::move(on_end));
}

boost::asio::awaitable<Result<void>> Upload::wait_until_fewer(std::size_t parts) {
  while (under_way_.size() >= parts && !failure_) {
    const Wake wake = co_await changed_.wait_until(SteadyTime::max());
    if (wake == Wake::cancelled) {
      co_return Error(Errc::cancelled, "uploading " + shown_ + " was cancelled");
    }
  }
  if (failure_) co_return *failure_;
  co_return Result<void>();
}

boost::asio::awaitable<Result<ObjectInfo>> Upload::send_all(std::string first) {
  auto beginning = begin();
  auto begun = co_await std::move(beginning);
  if (!begun) co_return begun.error();
  std::string part = std::move(first);
  for (std::size_t number = 1; !part.empty(); ++number) {
    if (number > kMaxParts) {
      co_return Error(Errc::invalid_argument,
                      shown_ + ": more than 10000 parts; tell size_bytes, so that they are larger");
    }
    start_part(number, std::move(part));
    auto reading = next_part();
    auto next = co_await std::move(reading);
    if (!next) co_return next.error();
    part = std::move(*next);
    auto waiting = wait_until_fewer(client_->options().parallel_parts);
    const auto waited = co_await std::move(waiting);
    if (!waited) co_return waited.error();
  }
  auto waiting = wait_until_fewer(1);
  const auto waited = co_await std::move(waiting);
  if (!waited) co_return waited.error();
  auto completing =
      complete_multipart(client_, upload_, etags_, etag_of_parts(md5s_), options_.put, shown_);
  co_return co_await std::move(completing);
}

/// Ends the parts under way, then removes what has been stored. A part that arrives after that
/// would stay.
boost::asio::awaitable<void> Upload::give_up(std::shared_ptr<Upload> self) {
  for (auto& [number, task] : self->under_way_) task.cancel();
  while (!self->under_way_.empty()) (void)co_await self->changed_.wait_until(SteadyTime::max());
  if (!self->options_.resumable && !self->upload_.id.empty()) {
    auto discarding = discard(self->client_, self->upload_, self->shown_);
    co_await std::move(discarding);
  }
  self->given_up_ = true;
  self->changed_.notify_all();
}

boost::asio::awaitable<Result<ObjectInfo>> Upload::run() {
  const auto self = shared_from_this();
  auto reading = next_part();
  auto first = co_await std::move(reading);
  if (!first) co_return first.error();
  if (source_ended_ && rest_.empty()) {
    auto putting = put_object(client_, key_, shown_, std::move(*first), options_.put);
    co_return co_await std::move(putting);
  }
  Result<ObjectInfo> outcome = Error(Errc::cancelled, "uploading " + shown_ + " was cancelled");
  std::exception_ptr thrown;
  try {
    auto sending = send_all(std::move(*first));
    outcome = co_await std::move(sending);
  } catch (...) {
    thrown = std::current_exception();
  }
  if (!thrown && outcome) co_return outcome;
  // On its own, since this coroutine may have been cancelled.
  spawn(client_->executor(), give_up(self), [](std::exception_ptr) {});
  if (thrown) std::rethrow_exception(thrown);
  if (outcome.error().code() == Errc::cancelled) co_return outcome;
  while (!given_up_) {
    const Wake wake = co_await changed_.wait_until(SteadyTime::max());
    if (wake == Wake::cancelled) break;
  }
  co_return outcome;
}

}  // namespace

boost::asio::awaitable<Result<ObjectInfo>> upload_object(std::shared_ptr<Client> client,
                                                         std::string key, std::string shown,
                                                         PieceSource source,
                                                         UploadOptions options) {
  auto upload = std::make_shared<Upload>(std::move(client), std::move(key), std::move(shown),
                                         std::move(source), std::move(options));
  auto running = upload->run();
  co_return co_await std::move(running);
}

namespace {

boost::asio::awaitable<Result<ObjectInfo>> copy_all_parts(std::shared_ptr<Client> client,
                                                          std::string from, ObjectInfo source,
                                                          Multipart upload, PutOptions options,
                                                          std::string shown) {
  // At once for the server, which moves no bytes over the network.
  constexpr std::uint64_t kUsual = 512 * kMiB;
  const std::uint64_t part =
      std::max<std::uint64_t>(part_bytes_for(client->options(), source.size_bytes),
                              std::min(client->options().max_copy_bytes, kUsual));
  std::vector<std::string> etags;
  std::vector<std::string> md5s;
  bool tell_md5s = true;
  for (std::uint64_t at = 0; at < source.size_bytes; at += part) {
    const std::uint64_t last = std::min(at + part, source.size_bytes) - 1;
    auto copying = copy_part(client, upload, etags.size() + 1, from, source.etag, at, last, shown);
    auto etag = co_await std::move(copying);
    if (!etag) co_return etag.error();
    md5s.push_back(md5_in(*etag));
    tell_md5s = tell_md5s && !md5s.back().empty();
    etags.push_back(std::move(*etag));
  }
  std::string expected = tell_md5s ? etag_of_parts(md5s) : std::string();
  auto completing = complete_multipart(client, std::move(upload), std::move(etags),
                                       std::move(expected), std::move(options), shown);
  co_return co_await std::move(completing);
}

}  // namespace

boost::asio::awaitable<Result<ObjectInfo>> copy_in_parts(std::shared_ptr<Client> client,
                                                         std::string from, ObjectInfo source,
                                                         std::string to, std::string shown) {
  PutOptions options;
  options.content_type = source.content_type;
  options.metadata = source.metadata;
  auto beginning = begin_multipart(client, std::move(to), shown, options);
  const auto begun = co_await std::move(beginning);
  if (!begun) co_return begun.error();
  Result<ObjectInfo> outcome = Error(Errc::cancelled, "copying " + shown + " was cancelled");
  std::exception_ptr thrown;
  try {
    auto copying =
        copy_all_parts(client, std::move(from), std::move(source), *begun, options, shown);
    outcome = co_await std::move(copying);
  } catch (...) {
    thrown = std::current_exception();
  }
  if (!thrown && outcome) co_return outcome;
  auto discarding = discard(client, *begun, shown);
  if (!thrown && outcome.error().code() != Errc::cancelled) {
    co_await std::move(discarding);
    co_return outcome;
  }
  // On its own, since this coroutine has been cancelled.
  spawn(client->executor(), std::move(discarding), [](std::exception_ptr) {});
  if (thrown) std::rethrow_exception(thrown);
  co_return outcome;
}

}  // namespace rwp::storage::s3
