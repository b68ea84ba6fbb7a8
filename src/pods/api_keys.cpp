#include "pods/api_keys.hpp"

#include "core/posix_file.hpp"
#include <rwp/core/sha256.hpp>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <functional>
#include <optional>
#include <sys/stat.h>
#include <unordered_map>
#include <utility>

namespace rwp::pods {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLargestFile = std::size_t{4} << 20U;
constexpr auto kLookEvery = 500ms;

std::optional<int> hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return std::nullopt;
}

std::optional<Sha256> read_hex(std::string_view text) {
  Sha256 digest{};
  if (text.size() != 2 * digest.size()) return std::nullopt;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    const auto high = hex_digit(text[2 * i]);
    const auto low = hex_digit(text[2 * i + 1]);
    if (!high || !low) return std::nullopt;
    digest[i] = static_cast<std::uint8_t>(*high * 16 + *low);
  }
  return digest;
}

/// In a time that does not depend on where they differ.
bool equal_digests(const Sha256& left, const Sha256& right) {
  unsigned difference = 0;
  for (std::size_t i = 0; i < left.size(); ++i) difference |= left[i] ^ right[i];
  return difference == 0;
}

/// "rwp_<id>_<secret>" gives the id; empty when it has another form.
std::string_view id_in(std::string_view key) {
  if (!key.starts_with("rwp_") || key.size() > 256) return {};
  const auto end = key.find('_', 4);
  return end == std::string_view::npos ? std::string_view() : key.substr(4, end - 4);
}

/// Lets a view be looked up.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>()(text);
  }
};

struct Known {
  Sha256 digest{};
  server::Identity identity{};
  std::optional<std::size_t> requests_per_second{};
};

Error wrong_key() { return {Errc::unauthenticated, "the API key is not valid"}; }

}  // namespace

struct ApiKeys::Table {
  FileStamp stamp{};
  Sha256 cursor_secret{};
  std::unordered_map<std::string, Known, TextHash, std::equal_to<>> by_id{};
};

namespace {

Result<void> take_line(std::string_view line, ApiKeys::Table& table) {
  auto json = JsonText::parse(std::string(line));
  if (!json) return json.error();
  auto key = decode<ApiKey>(*json);
  if (!key) return key.error();
  const auto digest = read_hex(key->sha256);
  if (!digest) return Error(Errc::invalid_argument, "\"sha256\" must be 64 digits 0-9 a-f");
  if (key->tenant.empty() || key->tenant.size() > 128) {
    return Error(Errc::invalid_argument, "\"tenant\" must be 1 to 128 bytes");
  }
  if (key->id.empty()) return Error(Errc::invalid_argument, "\"id\" is empty");
  Known known{.digest = *digest};
  known.identity.tenant = std::move(key->tenant);
  known.identity.scopes = std::move(key->scopes);
  known.identity.key_id = key->id;
  if (key->requests_per_second) {
    known.requests_per_second = static_cast<std::size_t>(*key->requests_per_second);
  }
  if (!table.by_id.emplace(std::move(key->id), std::move(known)).second) {
    return Error(Errc::invalid_argument, "\"id\" stands twice");
  }
  return {};
}

Result<std::shared_ptr<const ApiKeys::Table>> read_table(const std::string& path) {
  const std::string thing = "API keys file '" + path + "'";
  const posix::FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return posix::error_from_errno(errno, thing);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return posix::error_from_errno(errno, thing);
  const auto broken = [&thing](const std::string& rule) {
    return Error(Errc::invalid_argument, thing + ": " + rule);
  };
  if (!S_ISREG(status.st_mode)) return broken("must be a regular file");
  if ((status.st_mode & S_IWOTH) != 0) return broken("must not be writable by others: chmod o-w");
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size > kLargestFile) return broken("must be at most 4 MiB");
  auto content = posix::read_exactly(file.get(), 0, size, thing);
  if (!content) return content.error();

  auto table = std::make_shared<ApiKeys::Table>();
  table->stamp = FileStamp::of(status);
  table->cursor_secret = sha256("cursors\n" + *content);
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < content->size();) {
    const auto end = std::min(content->find('\n', begin), content->size());
    const auto line = std::string_view(*content).substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.empty() || line.front() == '#') continue;
    if (auto taken = take_line(line, *table); !taken) {
      return taken.error().with_context(thing + ", line " + std::to_string(number));
    }
  }
  return std::shared_ptr<const ApiKeys::Table>(std::move(table));
}

}  // namespace

ApiKeys::ApiKeys(std::string path, observability::Logger log)
    : file_(std::move(path), kLookEvery), log_(std::move(log)) {}

ApiKeys::~ApiKeys() = default;

Result<std::shared_ptr<ApiKeys>> ApiKeys::open(std::string path, observability::Logger log) {
  auto table = read_table(path);
  if (!table) return table.error();
  // The constructor is private.
  std::shared_ptr<ApiKeys> keys(new ApiKeys(std::move(path), std::move(log)));
  keys->table_ = std::move(*table);
  return keys;
}

std::shared_ptr<ApiKeys> ApiKeys::allow_everybody() {
  return std::shared_ptr<ApiKeys>(new ApiKeys(std::string(), observability::Logger()));
}

Result<std::shared_ptr<ApiKeys>> ApiKeys::open(const Configuration& configuration,
                                               observability::Logger log) {
  if (configuration.allow_anonymous) return allow_everybody();
  return open(configuration.api_keys_file, std::move(log));
}

std::shared_ptr<const ApiKeys::Table> ApiKeys::current() {
  const std::lock_guard lock(mutex_);
  if (!file_.must_read(table_->stamp, std::chrono::steady_clock::now())) return table_;
  auto read = read_table(file_.path());
  if (read) {
    table_ = std::move(*read);
    file_.clear_fault();
    log_.info("API keys read again", {{"keys", table_->by_id.size()}});
  } else if (file_.is_new_fault()) {
    log_.error("API keys cannot be read; those known before stay", {{"error", read.error()}});
  }
  return table_;
}

Result<server::Identity> ApiKeys::find(std::string_view key) {
  if (everybody()) return server::Identity();
  const auto table = current();
  const auto found = table->by_id.find(id_in(key));
  if (found == table->by_id.end()) return wrong_key();
  if (!equal_digests(found->second.digest, sha256(key))) return wrong_key();
  return found->second.identity;
}

std::optional<std::size_t> ApiKeys::requests_per_second(const std::string& key_id) {
  if (everybody()) return std::nullopt;
  const auto table = current();
  const auto found = table->by_id.find(key_id);
  return found == table->by_id.end() ? std::nullopt : found->second.requests_per_second;
}

Sha256 ApiKeys::cursor_secret() { return everybody() ? Sha256() : current()->cursor_secret; }

Result<std::string_view> bearer_key(const server::HttpHeaders& headers) {
  const auto header = headers.find("Authorization");
  if (!header) {
    return Error(Errc::unauthenticated, "an API key is needed: Authorization: Bearer KEY");
  }
  constexpr std::string_view kScheme = "Bearer ";
  if (header->size() <= kScheme.size() ||
      !net::equal_without_case(header->substr(0, kScheme.size()), kScheme)) {
    return Error(Errc::unauthenticated, "Authorization must be: Bearer KEY");
  }
  auto key = header->substr(kScheme.size());
  while (!key.empty() && key.front() == ' ') key.remove_prefix(1);
  return key;
}

namespace {

Result<server::Identity> find_with_scope(ApiKeys& keys, std::string_view key,
                                         std::string_view scope) {
  auto identity = keys.find(key);
  if (!identity || keys.everybody() || identity->has_scope(scope)) return identity;
  return Error(Errc::permission_denied, "the API key lacks the scope " + std::string(scope));
}

boost::asio::awaitable<Result<server::Identity>> answer(Result<server::Identity> identity) {
  co_return identity;
}

}  // namespace

Result<server::Identity> identify(ApiKeys& keys, const server::HttpHeaders& headers,
                                  std::string_view scope) {
  if (keys.everybody()) return server::Identity();
  const auto key = bearer_key(headers);
  if (!key) return key.error();
  return find_with_scope(keys, *key, scope);
}

std::function<Result<server::Identity>(std::string key)> secret_check(std::shared_ptr<ApiKeys> keys,
                                                                      std::string_view scope) {
  return [keys = std::move(keys), scope = std::string(scope)](const std::string& key) {
    return find_with_scope(*keys, key, scope);
  };
}

server::Authorise authorise(std::shared_ptr<ApiKeys> keys, std::string_view scope) {
  return [keys = std::move(keys), scope = std::string(scope)](const server::Request& head) {
    return answer(identify(*keys, head.headers, scope));
  };
}

server::Response api_problem(const server::Problem& problem) {
  auto response = server::problem_json(problem);
  if (problem.status == 401) response.headers.add("WWW-Authenticate", R"(Bearer realm="rwp")");
  return response;
}

}  // namespace rwp::pods
