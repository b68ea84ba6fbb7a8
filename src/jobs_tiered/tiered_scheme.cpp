#include <rwp/core/scheme_registry.hpp>
#include <rwp/jobs_tiered/tiered_job_store.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace rwp::jobs_tiered {
namespace {

constexpr std::string_view kForm =
    "must be tiered: and two URLs, such as tiered:postgres://user@host/db,redis://host:6379/0";
constexpr std::array<std::string_view, 4> kOwnOptions = {"window", "window_bytes", "name",
                                                         "look_every"};

struct Composed {
  std::string record{};
  Url redis{};
};

/// Without the options that are the tiered store's own; they stand in `own`.
std::string without_own(std::string_view redis, std::string& own) {
  const std::size_t mark = redis.find('?');
  std::string left(redis.substr(0, mark));
  own = "tiered:";
  if (mark == std::string_view::npos) return left;
  char before_left = '?';
  char before_own = '?';
  std::string_view query = redis.substr(mark + 1);
  for (;;) {
    const std::size_t end = query.find('&');
    const std::string_view option = query.substr(0, end);
    const std::string_view name = option.substr(0, option.find('='));
    const bool is_own =
        std::find(kOwnOptions.begin(), kOwnOptions.end(), name) != kOwnOptions.end();
    std::string& to = is_own ? own : left;
    to += std::exchange(is_own ? before_own : before_left, '&');
    to += option;
    if (end == std::string_view::npos) break;
    query.remove_prefix(end + 1);
  }
  return left;
}

Result<Composed> take_apart(const Url& url, TieredOptions& options) {
  const std::string_view text = std::string_view(url.text()).substr(url.scheme().size() + 1);
  // Options of the record may hold commas; what follows the last that a Redis URL follows is one.
  std::size_t comma = std::string_view::npos;
  for (std::size_t at = text.find(",redis"); at != std::string_view::npos;
       at = text.find(",redis", at + 1)) {
    if (text.find("://", at) != std::string_view::npos) comma = at;
  }
  if (comma == std::string_view::npos || comma == 0) {
    return Error(Errc::invalid_argument, std::string(kForm));
  }
  Composed composed;
  composed.record = std::string(text.substr(0, comma));
  std::string own;
  auto redis = Url::parse(without_own(text.substr(comma + 1), own));
  if (!redis) return redis.error().with_context("tiered: Redis");
  composed.redis = std::move(*redis);

  const auto read = Url::parse(own + (own.find('?') == std::string::npos ? "?" : ""));
  if (!read) return read.error().with_context("tiered: options");
  const auto jobs =
      read->integer("window", static_cast<std::int64_t>(options.window_jobs), 100, 1'000'000);
  if (!jobs) return jobs.error();
  const auto bytes = read->integer("window_bytes", static_cast<std::int64_t>(options.window_bytes),
                                   std::int64_t{1} << 20, std::int64_t{4} << 30);
  if (!bytes) return bytes.error();
  const auto every = read->duration("look_every", options.look_every);
  if (!every) return every.error();
  if (*every < std::chrono::milliseconds(100) || *every > std::chrono::minutes(10)) {
    return Error(Errc::invalid_argument, "URL option \"look_every\" must be 100ms to 10m");
  }
  options.window_jobs = static_cast<std::size_t>(*jobs);
  options.window_bytes = static_cast<std::size_t>(*bytes);
  options.look_every = *every;
  if (const auto name = read->query().find("name"); name != read->query().end()) {
    options.name = name->second;
  }
  return composed;
}

}  // namespace

void register_tiered(SchemeRegistry& registry, TieredOptions options) {
  const SchemeRegistry records = registry;
  registry.add<jobs::RecordStore>(
      "tiered",
      [records, options](const Url& url,
                         Runtime& runtime) -> Result<std::shared_ptr<jobs::RecordStore>> {
        TieredOptions read = options;
        const auto composed = take_apart(url, read);
        if (!composed) return composed.error();
        return records.open<jobs::RecordStore>(composed->record, runtime);
      });
  registry.add<jobs::JobStore>(
      "tiered",
      [records, options](const Url& url,
                         Runtime& runtime) -> Result<std::shared_ptr<jobs::JobStore>> {
        TieredOptions read = options;
        auto composed = take_apart(url, read);
        if (!composed) return composed.error();
        auto record = records.open<jobs::RecordStore>(composed->record, runtime);
        if (!record) return record.error();
        return open_tiered_job_store(runtime, std::move(*record), composed->redis, std::move(read));
      });
}

}  // namespace rwp::jobs_tiered
