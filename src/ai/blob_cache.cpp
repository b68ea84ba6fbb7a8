#include <rwp/ai/cache.hpp>

#include <charconv>
#include <cstdint>
#include <string_view>
#include <utility>

namespace rwp::ai {
namespace {

using boost::asio::awaitable;

/// "rwp-ai-cache 1 " and the end in seconds since 1970, a line of its own before the value.
constexpr std::string_view kMark = "rwp-ai-cache 1 ";

/// Beyond it a time_point in nanoseconds overflows.
constexpr std::int64_t kLastSecond = 9'000'000'000;

struct Kept {
  std::chrono::system_clock::time_point ends_at{};
  std::size_t value_at = 0;
};

std::optional<Kept> read_head(std::string_view content) {
  if (!content.starts_with(kMark)) return std::nullopt;
  const auto line_end = content.find('\n');
  if (line_end == std::string_view::npos) return std::nullopt;
  const auto number = content.substr(kMark.size(), line_end - kMark.size());
  std::int64_t seconds = 0;
  const auto [end, problem] =
      std::from_chars(number.data(), number.data() + number.size(), seconds);
  if (problem != std::errc() || end != number.data() + number.size()) return std::nullopt;
  if (seconds < 0 || seconds > kLastSecond) return std::nullopt;
  Kept kept;
  kept.ends_at = std::chrono::system_clock::time_point(std::chrono::seconds(seconds));
  kept.value_at = line_end + 1;
  return kept;
}

class BlobCache final : public Cache {
 public:
  BlobCache(std::shared_ptr<BlobStore> blobs, std::string prefix, CacheClock now)
      : blobs_(std::move(blobs)), prefix_(std::move(prefix)), now_(std::move(now)) {}

  awaitable<Result<std::optional<std::string>>> get(std::string key) override {
    const std::string place = place_of(key);
    auto content = co_await blobs_->get_blob(place);
    if (!content) {
      if (content.error().code() == Errc::not_found) co_return std::optional<std::string>();
      co_return content.error();
    }
    const auto kept = read_head(*content);
    if (!kept) co_return std::optional<std::string>();
    if (kept->ends_at <= now_()) {
      // Whether that works or not, it does not count any more.
      (void)co_await blobs_->remove_blob(place);
      co_return std::optional<std::string>();
    }
    content->erase(0, kept->value_at);
    co_return std::optional<std::string>(std::move(*content));
  }

  awaitable<Result<void>> put(std::string key, std::string value,
                              std::chrono::seconds time_to_live) override {
    const auto ends_at =
        std::chrono::ceil<std::chrono::seconds>(now_() + time_to_live).time_since_epoch();
    std::string content(kMark);
    content += std::to_string(ends_at.count()) + "\n" + value;
    return blobs_->put_blob(place_of(key), std::move(content));
  }

 private:
  /// Two digits as a folder, so that none holds too many.
  std::string place_of(const std::string& key) const {
    if (key.find('/') != std::string::npos) return prefix_ + key;
    return prefix_ + key.substr(0, 2) + "/" + key;
  }

  const std::shared_ptr<BlobStore> blobs_;
  const std::string prefix_;
  const CacheClock now_;
};

}  // namespace

std::shared_ptr<Cache> make_blob_cache(std::shared_ptr<BlobStore> blobs, std::string prefix,
                                       CacheClock now) {
  return std::make_shared<BlobCache>(std::move(blobs), std::move(prefix), std::move(now));
}

}  // namespace rwp::ai
