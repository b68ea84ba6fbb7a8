#pragma once

#include "pods/file_watch.hpp"
#include <rwp/core/describe.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/sha256.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/pods/configuration.hpp>
#include <rwp/server/message.hpp>
#include <rwp/server/router.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace rwp::pods {

/// What a key may be allowed to do.
constexpr std::string_view kJobsRead = "jobs:read";
constexpr std::string_view kJobsWrite = "jobs:write";
constexpr std::string_view kQueuesWrite = "queues:write";
constexpr std::string_view kAiUse = "ai:use";
constexpr std::string_view kEventsWrite = "events:write";
constexpr std::string_view kEventsRead = "events:read";
inline constexpr std::array kScopes{kJobsRead, kJobsWrite,   kQueuesWrite,
                                    kAiUse,    kEventsWrite, kEventsRead};

constexpr std::int64_t kMostRequestsPerSecond = 1'000'000;

/// A key as its file keeps it, one JSON object a line: never the key itself. Keys are 32 random
/// bytes, which nobody can guess from a hash, so a plain SHA-256 is enough; slow hashes are for
/// passwords.
struct ApiKey {
  /// Public name of the key, for logs; stands in the key, too.
  std::string id{};
  /// Of the whole key, 64 hexadecimal digits.
  std::string sha256{};
  std::string tenant{};
  std::vector<std::string> scopes{};
  /// RFC 3339; for people.
  std::string created{};
  /// What this key may ask of one api pod; unset: what holds for all keys.
  std::optional<std::int64_t> requests_per_second{};

  static constexpr auto describe() {
    return std::tuple{field("id", &ApiKey::id),
                      field("sha256", &ApiKey::sha256),
                      field("tenant", &ApiKey::tenant),
                      field("scopes", &ApiKey::scopes),
                      field("created", &ApiKey::created, {.may_be_absent = true}),
                      field("requests_per_second", &ApiKey::requests_per_second,
                            {.minimum = 1, .maximum = kMostRequestsPerSecond})};
  }
};

/// Makes a key "rwp_<id>_<secret>", appends its hash to the file (made with mode 0600) and answers
/// the key, which is kept nowhere. Durable, and safe beside other writers.
/// `Errc::invalid_argument`: `scopes` ("jobs:read,jobs:write") names one that is none.
Result<std::string> add_api_key(const std::string& path, const std::string& tenant,
                                const std::string& scopes,
                                std::optional<std::int64_t> requests_per_second = std::nullopt);

/// A key as a listing shows it.
struct ListedKey {
  ApiKey key{};
  /// Revoked: its line stands as a comment.
  bool revoked = false;
};

/// All keys of the file, in its order. Errors as of ApiKeys::open().
Result<std::vector<ListedKey>> list_api_keys(const std::string& path);

/// Takes the key of this id out of use, durably, by making its line a comment: one byte is written,
/// so that readers see the old file or the new, and writers that append are not in the way.
/// `Errc::not_found`: no key of the file has it, or it was revoked before.
Result<void> revoke_api_key(const std::string& path, const std::string& id);

/// The keys of a file, which is read again within a second of a change. A file that has become
/// unreadable leaves the keys as they were, and says so in the log. Threads: safe to share.
class ApiKeys {
 public:
  /// `Errc::invalid_argument` and others name file, line and rule.
  static Result<std::shared_ptr<ApiKeys>> open(std::string path, observability::Logger log);
  /// Takes everybody for nobody in particular, who may do everything.
  static std::shared_ptr<ApiKeys> allow_everybody();
  /// As the configuration says.
  static Result<std::shared_ptr<ApiKeys>> open(const Configuration& configuration,
                                               observability::Logger log);

  ~ApiKeys();
  ApiKeys(const ApiKeys&) = delete;
  ApiKeys& operator=(const ApiKeys&) = delete;

  /// Whose key this is. `Errc::unauthenticated`: nobody's. The comparison's time says nothing about
  /// the right key.
  Result<server::Identity> find(std::string_view key);
  /// What the key of this id may ask of one api pod, where its line says so.
  std::optional<std::size_t> requests_per_second(const std::string& key_id);
  /// Known to no tenant; changes with the file.
  Sha256 cursor_secret();
  bool everybody() const noexcept { return file_.path().empty(); }

  struct Table;

 private:
  ApiKeys(std::string path, observability::Logger log);
  std::shared_ptr<const Table> current();

  FileWatch file_;
  const observability::Logger log_;
  std::mutex mutex_;
  std::shared_ptr<const Table> table_;
};

/// The key of `Authorization: Bearer …`, or why there is none (`Errc::unauthenticated`).
Result<std::string_view> bearer_key(const server::HttpHeaders& headers);

/// Who asks, when the key in the header has the scope; `Errc::permission_denied` without.
Result<server::Identity> identify(ApiKeys& keys, const server::HttpHeaders& headers,
                                  std::string_view scope);

/// The above for a route.
server::Authorise authorise(std::shared_ptr<ApiKeys> keys, std::string_view scope);

/// The above for a key that does not stand in that header.
std::function<Result<server::Identity>(std::string key)> secret_check(std::shared_ptr<ApiKeys> keys,
                                                                      std::string_view scope);

/// problem_json(), with WWW-Authenticate where a key is asked for.
server::Response api_problem(const server::Problem& problem);

}  // namespace rwp::pods
