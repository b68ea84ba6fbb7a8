#include "pods/ctl/context.hpp"

#include "pods/payload_objects.hpp"
#include "pods/setting.hpp"
#include "pods/time_text.hpp"
#include <rwp/core/describe.hpp>
#include <rwp/core/url.hpp>
#include <rwp/net/curl_transport.hpp>
#include <rwp/pods/ctl.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <utility>

namespace rwp::pods::ctl {
namespace {

/// A store that is named by a flag stands nearer than an API pod that the environment names.
bool asks_api(const Context& context) {
  const bool by_flag = source_of(context, "RWP_API_URL") == "--api-url";
  const bool store_by_flag = source_of(context, "RWP_JOBS_URL") == "--jobs-url";
  return !context.configuration().api_url.empty() && (by_flag || !store_by_flag);
}

std::string shown(const std::string& text) { return shown_value(Setting(), text); }

std::string masked(const std::string& url) {
  const auto parsed = Url::parse(url);
  return parsed ? parsed->masked() : url;
}

/// Whether the jobs are kept in PostgreSQL, whose roles and rights are not ours.
bool asks_postgres(const Context& context) {
  const std::string& url = context.configuration().jobs_url;
  return !asks_api(context) && (url.starts_with("postgres") || url.starts_with("tiered"));
}

/// What to look at when something is amiss, or nothing.
std::string advice_for(const Context& context, const Error& error) {
  const bool api = asks_api(context);
  switch (error.code()) {
    case Errc::unavailable:
    case Errc::deadline_exceeded:
      if (api) {
        const auto url = masked(context.configuration().api_url);
        return "is the API pod running, and is this its address? `curl " + url +
               "/ready` tells; RWP_API_URL or --api-url names it";
      }
      return "`rwpctl doctor` checks the job store and what it stands on";
    case Errc::unauthenticated:
      if (asks_postgres(context)) {
        return "the server refuses the role or its password, which the URL in RWP_JOBS_URL (or the "
               "file in RWP_JOBS_URL_FILE) names; its pg_hba.conf says who may connect from where";
      }
      return context.configuration().api_key.empty()
                 ? "no key was sent; set RWP_API_KEY_FILE, or --api-key-file, to a file with a key "
                   "(`rwpctl keys create` makes one)"
                 : "`rwpctl keys list` on the pod's machine shows the keys that it knows";
    case Errc::permission_denied:
      if (asks_postgres(context)) {
        return "the database's owner gives a role what it needs by `SELECT rwp.grant_use('ROLE')`; "
               "to make or change the schema takes the owner (`rwpctl migrate`), or `migrate=off` "
               "in the URL where it is up to date";
      }
      return api ? "`rwpctl keys create --scopes …` makes a key that may do this"
                 : "who runs this must be able to read and write the files";
    case Errc::corrupt:
      return api ? "" : "`rwpctl verify` names the damage; a backup mends it";
    default:
      return {};
  }
}

std::string advice_where_missing(const std::string& path) {
  return "no job store at '" + path +
         "': the first pod makes it; --jobs-url or RWP_JOBS_URL names another, --data-dir its "
         "folder, --api-url an API pod to ask instead";
}

}  // namespace

void tell(const std::string& text) {
  // Much of it comes from strangers: a server's answer, a job's error.
  std::fprintf(stderr, "rwpctl: %s\n", cell_text(text, kUncut).c_str());
}

std::string source_of(const Context& context, std::string_view variable) {
  for (const auto& setting : context.parsed.effective) {
    if (setting.name == variable) return setting.source;
  }
  return "default";
}

int exit_code_of(const Error& error) {
  switch (error.code()) {
    case Errc::invalid_argument:
      return kExitUsage;
    case Errc::not_found:
      return kExitNotFound;
    case Errc::unavailable:
    case Errc::deadline_exceeded:
    case Errc::rate_limited:
      return kExitUnreachable;
    case Errc::unauthenticated:
    case Errc::permission_denied:
      return kExitRefused;
    default:
      return kExitFailure;
  }
}

int fail(const Context& context, const Error& error) {
  tell(error.message());
  const auto advice = advice_for(context, error);
  if (!advice.empty()) tell(advice);
  return exit_code_of(error);
}

int refuse(const std::string& text) {
  tell(text);
  return kExitUsage;
}

std::string file_path_of(const std::string& url) {
  const auto parsed = Url::parse(url);
  if (!parsed) return {};
  constexpr std::array<std::string_view, 3> kOfFiles = {"sqlite", "file", "jsonl"};
  if (std::find(kOfFiles.begin(), kOfFiles.end(), parsed->scheme()) == kOfFiles.end()) return {};
  std::string path = parsed->path();
  if (path.starts_with("///")) path.erase(0, 2);
  return path;
}

Result<std::shared_ptr<jobs::JobStore>> open_store(Context& context, bool may_make) {
  const auto& configuration = context.configuration();
  if (asks_api(context) && source_of(context, "RWP_JOBS_URL") == "default") {
    return Error(Errc::invalid_argument,
                 "this is done on the job store itself, not through an API pod: give --jobs-url, "
                 "or set RWP_JOBS_URL");
  }
  const std::string path = file_path_of(configuration.jobs_url);
  std::error_code code;
  if (!path.empty()) {
    if (!may_make && !std::filesystem::exists(path, code)) {
      return Error(Errc::not_found, advice_where_missing(path));
    }
    const auto folder = std::filesystem::path(path).parent_path();
    if (!folder.empty() && folder == std::filesystem::path(configuration.data_dir)) {
      std::filesystem::create_directories(folder, code);
    }
  }
  auto store = context.schemes.open<jobs::JobStore>(configuration.jobs_url, context.runtime);
  if (store) {
    (*store)->use_blobs(
        payload_objects(context.schemes, configuration.objects_url, context.runtime));
    return store;
  }
  return store.error().with_context("job store " + masked(configuration.jobs_url));
}

Result<std::unique_ptr<JobsDesk>> open_desk(Context& context, bool may_make,
                                            std::chrono::milliseconds patience) {
  if (!asks_api(context)) {
    auto store = open_store(context, may_make);
    if (!store) return store.error();
    return make_store_desk(std::move(*store));
  }
  ApiDeskOptions options;
  options.url = context.configuration().api_url;
  options.key = context.configuration().api_key.expose();
  options.patience = patience;
  return make_api_desk(context.runtime, net::make_curl_transport(context.runtime),
                       std::move(options));
}

Result<std::size_t> read_number(const std::string& flag, const std::string& text, std::size_t least,
                                std::size_t most) {
  std::size_t number = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec != std::errc() || read.ptr != end || number < least || number > most) {
    return Error(Errc::invalid_argument, flag + " " + shown(text) + ": must be " +
                                             std::to_string(least) + " to " + std::to_string(most));
  }
  return number;
}

Result<std::chrono::milliseconds> read_duration(const std::string& flag, const std::string& text) {
  if (text.empty()) return std::chrono::milliseconds(0);
  const auto duration = parse_duration(text);
  if (duration) return *duration;
  return Error(Errc::invalid_argument,
               flag + " " + shown(text) + ": must be a time such as 250ms, 30s, 5m, 2h or 7d");
}

Result<std::vector<Uuid>> read_ids(const std::vector<std::string>& names) {
  std::vector<Uuid> ids;
  for (const auto& name : names) {
    const auto id = Uuid::parse(name);
    if (!id) {
      return Error(Errc::invalid_argument, shown(name) +
                                               " is no id of a job; ids are such as "
                                               "01a21718-6d91-7715-93b6-3af21d441f08");
    }
    ids.push_back(*id);
  }
  return ids;
}

bool is_everything(const FilterOptions& options) {
  return options.states.empty() && options.queue.empty() && options.kind.empty() &&
         options.tag.empty() && options.tenant.empty() && options.created_from.empty() &&
         options.created_before.empty();
}

namespace {

Result<jobs::StateSet> read_states(const std::string& text) {
  if (text.empty()) return jobs::StateSet::all();
  std::vector<std::string> known;
  known.reserve(jobs::kJobStateCount);
  for (const auto& [state, name] : DescribeEnum<jobs::JobState>::values) known.emplace_back(name);
  std::uint8_t bits = 0;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find(',', begin), text.size());
    const std::string name = text.substr(begin, end - begin);
    begin = end + 1;
    const auto state = enum_value<jobs::JobState>(name);
    if (!state) {
      std::string problem = "--state " + shown(name) + ": is none";
      const auto nearest = nearest_name(name, known);
      if (!nearest.empty()) {
        problem += "; did you mean " + nearest + "?";
      } else {
        problem += "; there are";
        for (const auto& one : known) problem += " " + one;
      }
      return Error(Errc::invalid_argument, std::move(problem));
    }
    bits = static_cast<std::uint8_t>(bits | jobs::StateSet{*state}.bits());
  }
  return jobs::StateSet::from_bits(bits);
}

Result<std::optional<jobs::TimePoint>> read_time(const std::string& flag, const std::string& text) {
  if (text.empty()) return std::optional<jobs::TimePoint>();
  const auto time = parse_rfc3339(text);
  if (!time) {
    return Error(Errc::invalid_argument, flag + " " + shown(text) + ": " + time.error().message());
  }
  return std::optional<jobs::TimePoint>(*time);
}

}  // namespace

Result<jobs::JobFilter> read_filter(const FilterOptions& options, const JobsDesk& desk) {
  jobs::JobFilter filter;
  auto states = read_states(options.states);
  if (!states) return states.error();
  filter.states = *states;
  filter.queue = options.queue;
  filter.kind = options.kind;
  filter.tag = options.tag;
  filter.tenant = options.tenant;
  if (!filter.tenant.empty() && !desk.sees_tenants()) {
    return Error(Errc::invalid_argument,
                 "--tenant: an API pod shows the jobs of the key's tenant alone; leave it out, or "
                 "ask the store with --jobs-url");
  }
  auto from = read_time("--created-from", options.created_from);
  if (!from) return from.error();
  filter.created_from = *from;
  auto before = read_time("--created-before", options.created_before);
  if (!before) return before.error();
  filter.created_before = *before;
  return filter;
}

}  // namespace rwp::pods::ctl
