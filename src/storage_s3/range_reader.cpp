#include "storage_s3/digest.hpp"
#include "storage_s3/operations.hpp"

#include <algorithm>
#include <charconv>
#include <deque>
#include <limits>
#include <utility>

namespace rwp::storage::s3 {
namespace {

constexpr std::uint64_t kNoEnd = std::numeric_limits<std::uint64_t>::max();
/// Less is hashed at once, more on the pool.
constexpr std::size_t kSmallBytes = std::size_t{64} << 10U;

/// The size of the whole in "bytes 0-9/1234"; none: it is not told.
std::optional<std::uint64_t> total_of(const net::HttpResponse& response) {
  const auto text = response.headers.find("content-range");
  const std::size_t slash = text ? text->find('/') : std::string_view::npos;
  if (slash == std::string_view::npos) return std::nullopt;
  std::uint64_t total = 0;
  const char* end = text->data() + text->size();
  const auto [stopped, problem] = std::from_chars(text->data() + slash + 1, end, total);
  if (problem != std::errc() || stopped != end) return std::nullopt;
  return total;
}

/// A part that is fetched on its own.
struct Part {
  std::uint64_t bytes = 0;
  Task task{};
  std::optional<Result<std::string>> content{};
  Signal fetched{};
};

/// Fetches ahead in parts, several at a time, and gives them in order.
class RangeReader final : public ObjectReader {
 public:
  RangeReader(std::shared_ptr<Client> client, std::string key, std::string shown)
      : client_(std::move(client)), key_(std::move(key)), shown_(std::move(shown)) {}
  ~RangeReader() override {
    for (const auto& part : ahead_) part->task.cancel();
  }
  RangeReader(const RangeReader&) = delete;
  RangeReader& operator=(const RangeReader&) = delete;

  boost::asio::awaitable<Result<void>> start(ByteRange range);
  const ObjectInfo& info() const noexcept override { return info_; }
  boost::asio::awaitable<Result<std::string>> read() override;

 private:
  static Call part_call(const Client& client, std::string key, std::uint64_t from,
                        std::uint64_t end);
  static boost::asio::awaitable<void> fetch(std::shared_ptr<Client> client, Call call,
                                            std::string shown, std::shared_ptr<Part> part);
  boost::asio::awaitable<Result<void>> start_empty(ByteRange range);
  Result<void> take_first(net::HttpResponse response, ByteRange range);
  void fetch_ahead();
  boost::asio::awaitable<std::string> hash(std::string piece);
  Result<void> check_digest();

  const std::shared_ptr<Client> client_;
  const std::string key_;
  const std::string shown_;
  ObjectInfo info_;
  /// The first part, until it is given.
  std::string first_;
  /// What is to be fetched yet.
  std::uint64_t next_ = 0;
  std::uint64_t end_ = 0;
  std::deque<std::shared_ptr<Part>> ahead_;
  /// What the whole content must have; empty: not known, or not all is read.
  std::string wanted_md5_;
  /// Shared with the pool, where hashing may go on when the reader is gone.
  std::shared_ptr<Md5> md5_;
};

Call RangeReader::part_call(const Client& client, std::string key, std::uint64_t from,
                            std::uint64_t end) {
  const std::uint64_t bytes = std::min<std::uint64_t>(end - from, client.options().part_bytes);
  Call call;
  call.key = std::move(key);
  call.headers.add("range",
                   "bytes=" + std::to_string(from) + "-" + std::to_string(from + bytes - 1));
  call.max_response_bytes = client.options().part_bytes;
  return call;
}

boost::asio::awaitable<Result<void>> RangeReader::start_empty(ByteRange range) {
  auto looking = head_object(client_, key_, shown_);
  auto found = co_await std::move(looking);
  if (!found) co_return found.error();
  info_ = std::move(*found);
  if (range.offset > info_.size_bytes) {
    co_return Error(Errc::invalid_argument, "range starts behind the end of " + shown_);
  }
  if (range.offset < info_.size_bytes && range.length != 0U) {
    co_return Error(Errc::unavailable, shown_ + " was replaced while it was read");
  }
  co_return Result<void>();
}

boost::asio::awaitable<Result<void>> RangeReader::start(ByteRange range) {
  const std::uint64_t length = std::min(range.length.value_or(kNoEnd), kNoEnd - range.offset);
  if (length == 0) {
    auto empty = start_empty(range);
    co_return co_await std::move(empty);
  }
  auto sending = client_->send(part_call(*client_, key_, range.offset, range.offset + length));
  auto answer = co_await std::move(sending);
  if (!answer) co_return answer.error().with_context(shown_);
  if (answer->fault) {
    if (answer->fault->status == 416) {
      auto empty = start_empty(range);
      co_return co_await std::move(empty);
    }
    if (answer->fault->status == 404) co_return Error(Errc::not_found, "no " + shown_);
    co_return to_error(*answer->fault, shown_);
  }
  co_return take_first(std::move(answer->response), range);
}

Result<void> RangeReader::take_first(net::HttpResponse response, ByteRange range) {
  info_ = info_of(response);
  first_ = std::move(response.body);
  const std::uint64_t length = std::min(range.length.value_or(kNoEnd), kNoEnd - range.offset);
  if (response.status == 206) {
    const auto total = total_of(response);
    if (!total || *total < range.offset) {
      return Error(Errc::corrupt, shown_ + ": a part of it without its place");
    }
    info_.size_bytes = *total;
  } else {
    // All of it, in spite of the range.
    info_.size_bytes = first_.size();
    if (range.offset > first_.size()) {
      return Error(Errc::invalid_argument, "range starts behind the end of " + shown_);
    }
    first_.erase(0, static_cast<std::size_t>(range.offset));
  }
  end_ = range.offset + std::min(length, info_.size_bytes - range.offset);
  if (first_.size() > end_ - range.offset) {
    first_.resize(static_cast<std::size_t>(end_ - range.offset));
  }
  next_ = range.offset + first_.size();
  if (range.offset == 0 && end_ == info_.size_bytes) {
    wanted_md5_ = told_md5(response);
    if (!wanted_md5_.empty()) md5_ = std::make_shared<Md5>();
  }
  return {};
}

boost::asio::awaitable<void> RangeReader::fetch(std::shared_ptr<Client> client, Call call,
                                                std::string shown, std::shared_ptr<Part> part) {
  auto sending = client->send(std::move(call));
  auto answer = co_await std::move(sending);
  if (!answer) {
    part->content = answer.error().with_context(shown);
  } else if (answer->fault && (answer->fault->status == 412 || answer->fault->status == 404)) {
    part->content = Error(Errc::conflict, shown + " was replaced while it was read");
  } else if (answer->fault) {
    part->content = to_error(*answer->fault, shown);
  } else {
    part->content = std::move(answer->response.body);
  }
  part->fetched.notify_all();
}

void RangeReader::fetch_ahead() {
  while (next_ < end_ && ahead_.size() < client_->options().parallel_parts) {
    Call call = part_call(*client_, key_, next_, end_);
    call.headers.add("if-match", "\"" + info_.etag + "\"");
    auto part = std::make_shared<Part>();
    part->bytes = std::min<std::uint64_t>(end_ - next_, client_->options().part_bytes);
    next_ += part->bytes;
    auto on_end = [part](std::exception_ptr thrown) {
      if (!thrown) return;
      part->content = detail::from_exception(thrown);
      part->fetched.notify_all();
    };
    part->task =
        Task(client_->executor(), fetch(client_, std::move(call), shown_, part), std::move(on_end));
    ahead_.push_back(std::move(part));
  }
}

/// Gives the piece back.
boost::asio::awaitable<std::string> RangeReader::hash(std::string piece) {
  if (!md5_) co_return piece;
  if (piece.size() <= kSmallBytes) {
    md5_->update(piece);
    co_return piece;
  }
  auto work = [md5 = md5_, piece = std::move(piece)]() mutable {
    md5->update(piece);
    return std::move(piece);
  };
  auto hashing = run_blocking(client_->pool(), std::move(work));
  co_return co_await std::move(hashing);
}

Result<void> RangeReader::check_digest() {
  if (!md5_) return {};
  const std::string found = hex_of(md5_->finish());
  md5_.reset();
  if (found == wanted_md5_) return {};
  return Error(Errc::corrupt, shown_ + ": what was read is not what its etag names");
}

boost::asio::awaitable<Result<std::string>> RangeReader::read() {
  fetch_ahead();
  std::string piece = std::exchange(first_, std::string());
  if (piece.empty() && !ahead_.empty()) {
    const std::shared_ptr<Part> part = ahead_.front();
    while (!part->content) {
      const Wake wake = co_await part->fetched.wait_until(SteadyTime::max());
      if (wake == Wake::cancelled) {
        co_return Error(Errc::cancelled, "reading " + shown_ + " was cancelled");
      }
    }
    ahead_.pop_front();
    if (!*part->content) co_return part->content->error();
    piece = std::move(**part->content);
    if (piece.size() != part->bytes) {
      co_return Error(Errc::corrupt, shown_ + ": a part of it has another length than asked for");
    }
    fetch_ahead();
  }
  if (piece.empty()) {
    if (auto checked = check_digest(); !checked) co_return checked.error();
    co_return std::string();
  }
  auto hashing = hash(std::move(piece));
  piece = co_await std::move(hashing);
  // The last piece is not given before it is known to be right.
  if (next_ == end_ && ahead_.empty()) {
    if (auto checked = check_digest(); !checked) co_return checked.error();
  }
  co_return piece;
}

}  // namespace

boost::asio::awaitable<Result<std::unique_ptr<ObjectReader>>> open_object(
    std::shared_ptr<Client> client, std::string key, std::string shown, ByteRange range) {
  auto reader = std::make_unique<RangeReader>(std::move(client), std::move(key), std::move(shown));
  auto starting = reader->start(range);
  const auto started = co_await std::move(starting);
  if (!started) co_return started.error();
  co_return std::unique_ptr<ObjectReader>(std::move(reader));
}

}  // namespace rwp::storage::s3
