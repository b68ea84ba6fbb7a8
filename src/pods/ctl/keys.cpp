#include "pods/api_keys.hpp"
#include "pods/ctl/context.hpp"
#include "pods/setting.hpp"
#include <rwp/core/json_writer.hpp>
#include <rwp/pods/ctl.hpp>

#include <charconv>
#include <optional>
#include <utility>

namespace rwp::pods::ctl {
namespace {

std::string joined(const std::vector<std::string>& scopes) {
  std::string text;
  for (const auto& scope : scopes) text += (text.empty() ? "" : ",") + scope;
  return text;
}

void write_scopes(JsonWriter& out, const std::vector<std::string>& scopes) {
  out.key("scopes").begin_array();
  for (const auto& scope : scopes) out.value(scope);
  out.end_array();
}

JsonText as_json(const ListedKey& listed) {
  JsonWriter out;
  out.begin_object().member("id", listed.key.id).member("tenant", listed.key.tenant);
  write_scopes(out, listed.key.scopes);
  if (listed.key.requests_per_second) {
    out.member("requests_per_second", *listed.key.requests_per_second);
  }
  out.member("created", listed.key.created).member("revoked", listed.revoked).end_object();
  return out.finish();
}

std::vector<Column> key_columns() {
  std::vector<Column> columns;
  columns.push_back(member_column("ID", "id"));
  columns.push_back(member_column("TENANT", "tenant"));
  columns.push_back({.title = "SCOPES", .cell = [](JsonView key) {
                       std::vector<std::string> scopes;
                       const auto listed = key.find("scopes");
                       for (std::size_t i = 0; listed && i < listed->size(); ++i) {
                         scopes.emplace_back(listed->at(i).as_string().value_or(""));
                       }
                       return joined(scopes);
                     }});
  columns.push_back(member_column("REQUESTS/S", "requests_per_second"));
  columns.push_back(member_column("CREATED", "created"));
  columns.push_back({.title = "", .cell = [](JsonView key) -> std::string {
                       const auto revoked = key.find("revoked");
                       return revoked && revoked->as_bool().value_or(false) ? "revoked" : "";
                     }});
  return columns;
}

/// The file; empty after it has been said that none is named.
const std::string* keys_file(const Context& context) {
  const auto& path = context.configuration().api_keys_file;
  if (!path.empty()) return &path;
  tell(
      "no keys file is named: give --api-keys-file, or set RWP_API_KEYS_FILE, as the pods have it");
  return nullptr;
}

}  // namespace

int create_key(Context& context) {
  const auto* path = keys_file(context);
  if (path == nullptr) return kExitUsage;
  const auto& options = context.options.key;
  if (options.tenant.empty()) return refuse("--tenant: is missing: whose key is it?");
  if (options.scopes.empty()) {
    std::string known;
    for (const auto scope : kScopes) known += (known.empty() ? "" : ",") + std::string(scope);
    return refuse("--scopes: is missing: what may the key do? There are " + known);
  }
  std::optional<std::int64_t> rate;
  if (!options.requests_per_second.empty()) {
    const auto& text = options.requests_per_second;
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, rate.emplace());
    if (read.ec != std::errc() || read.ptr != end || *rate < 1 || *rate > kMostRequestsPerSecond) {
      return refuse("--requests-per-second: must be a whole number from 1 to 1000000");
    }
  }
  const auto key = add_api_key(*path, options.tenant, options.scopes, rate);
  if (!key) return fail(context, key.error());
  tell("this key is shown once; " + *path + " keeps its hash");
  if (context.out.format() == OutputFormat::table) {
    context.out.line(*key);
    return kExitSuccess;
  }
  JsonWriter out;
  // rwp_<id>_<secret>
  out.begin_object().member("id", key->substr(4, key->find('_', 4) - 4)).member("key", *key);
  out.member("tenant", options.tenant).end_object();
  context.out.object(out.finish());
  return kExitSuccess;
}

int list_keys(Context& context) {
  const auto* path = keys_file(context);
  if (path == nullptr) return kExitUsage;
  const auto keys = list_api_keys(*path);
  if (!keys) return fail(context, keys.error());
  context.out.begin_list("keys", key_columns());
  for (const auto& listed : *keys) {
    if (!listed.revoked || context.options.key.revoked) context.out.row(as_json(listed));
  }
  context.out.end_list();
  return kExitSuccess;
}

int revoke_keys(Context& context) {
  const auto* path = keys_file(context);
  if (path == nullptr) return kExitUsage;
  const auto& ids = context.options.names;
  if (ids.empty()) return refuse("keys revoke: which? give ids; `rwpctl keys list` shows them");
  std::vector<Column> columns;
  columns.push_back(member_column("ID", "id"));
  columns.push_back(member_column("OUTCOME", "outcome"));
  context.out.begin_list("keys", std::move(columns));
  int code = kExitSuccess;
  for (const auto& id : ids) {
    // A whole key does not belong on a command line, nor into what is told.
    if (id.starts_with("rwp_")) {
      context.out.end_list();
      return refuse("keys revoke: give the id alone, the part between rwp_ and the next _");
    }
    const auto revoked = revoke_api_key(*path, id);
    if (!revoked) {
      code = fail(context, revoked.error());
      continue;
    }
    JsonWriter out;
    out.begin_object().member("id", id).member("outcome", "revoked").end_object();
    context.out.row(out.finish());
  }
  context.out.end_list();
  return code;
}

}  // namespace rwp::pods::ctl
