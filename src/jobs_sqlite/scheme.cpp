#include <rwp/core/scheme_registry.hpp>
#include <rwp/jobs_sqlite/sqlite_job_store.hpp>

#include <utility>

namespace rwp::jobs_sqlite {
namespace {

Result<SqliteOptions> read_options(const Url& url, SqliteOptions options) {
  if (auto known = url.allow_query({"synchronous", "busy_timeout", "max_pages"}); !known) {
    return known.error();
  }
  const auto synchronous = url.query().find("synchronous");
  if (synchronous != url.query().end()) {
    if (synchronous->second != "full" && synchronous->second != "normal") {
      return Error(Errc::invalid_argument, "URL option \"synchronous\" must be full or normal");
    }
    options.synchronous_full = synchronous->second == "full";
  }
  const auto busy_timeout = url.duration("busy_timeout", options.busy_timeout);
  if (!busy_timeout) return busy_timeout.error();
  if (*busy_timeout > std::chrono::minutes(10)) {
    return Error(Errc::invalid_argument, "URL option \"busy_timeout\" must be at most 10m");
  }
  options.busy_timeout = *busy_timeout;
  const auto max_pages = url.integer("max_pages", options.max_pages, 0, 1LL << 32);
  if (!max_pages) return max_pages.error();
  options.max_pages = *max_pages;
  return options;
}

}  // namespace

void register_sqlite(SchemeRegistry& registry, SqliteOptions options) {
  registry.add<jobs::JobStore>(
      "sqlite",
      [options](const Url& url, Runtime& runtime) -> Result<std::shared_ptr<jobs::JobStore>> {
        auto read = read_options(url, options);
        if (!read) return read.error();
        std::string path = url.path();
        // sqlite:///abs/jobs.db and sqlite:jobs.db both name a file.
        if (path.starts_with("///")) path.erase(0, 2);
        if (path.empty()) {
          return Error(Errc::invalid_argument,
                       "sqlite: names no file; write sqlite:jobs.db, or memory: for none");
        }
        read->path = std::move(path);
        return open_sqlite_job_store(runtime, std::move(*read));
      });
  registry.add<jobs::JobStore>(
      "memory",
      [options](const Url& url, Runtime& runtime) -> Result<std::shared_ptr<jobs::JobStore>> {
        auto read = read_options(url, options);
        if (!read) return read.error();
        if (!url.rest().empty()) {
          return Error(Errc::invalid_argument,
                       "memory: takes no path; write sqlite:PATH for a file");
        }
        read->path.clear();
        return open_sqlite_job_store(runtime, std::move(*read));
      });
}

}  // namespace rwp::jobs_sqlite
