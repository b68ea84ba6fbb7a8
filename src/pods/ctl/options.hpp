#pragma once

#include <rwp/core/error.hpp>
#include <rwp/pods/configuration.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What was asked of rwpctl, as it stood on the command line: texts are judged by the commands.
namespace rwp::pods::ctl {

enum class Command : std::uint8_t {
  jobs_submit,
  jobs_list,
  jobs_show,
  jobs_retry,
  jobs_cancel,
  jobs_wait,
  queues_list,
  queues_pause,
  queues_resume,
  keys_create,
  keys_list,
  keys_revoke,
  objects_ls,
  objects_get,
  objects_put,
  objects_verify,
  config,
  doctor,
  migrate,
  dispatch,
  verify,
  ai_eval,
  costs_report,
  analytics_hours,
  analytics_funnel,
  jobadder_login,
  jobadder_status,
  jobadder_sync,
  jobadder_webhooks,
  forget,
};

enum class OutputFormat : std::uint8_t { table, json, ndjson };

/// Which jobs; empty: all.
struct FilterOptions {
  std::string states{};
  std::string queue{};
  std::string kind{};
  std::string tag{};
  std::string tenant{};
  std::string created_from{};
  std::string created_before{};
};

struct SubmitOptions {
  std::string file{};
  bool raw = false;
  std::string payload{};
  std::string kind{};
  std::string version{};
  std::string queue{};
  std::string priority{};
  std::string delay{};
  std::string run_at{};
  std::string timeout{};
  std::string max_attempts{};
  std::vector<std::string> tags{};
  std::string tenant{};
  std::string idempotency_key{};
  /// A name of its own for this submit of a file.
  std::string run{};
  std::string rejects{};
  std::string batch = "200";
  /// How long a server that is away is waited for.
  std::string patience = "60s";
  bool wait = false;
};

struct ListOptions {
  std::string limit = "50";
  std::string cursor{};
  bool all = false;
};

struct WaitOptions {
  std::string timeout{};
  std::string submit{};
};

struct KeyOptions {
  std::string tenant{};
  std::string scopes{};
  std::string requests_per_second{};
  bool revoked = false;
};

struct ObjectOptions {
  /// "-": standard input or output.
  std::string file{};
  std::string content_type{};
  /// NAME=VALUE.
  std::vector<std::string> metadata{};
  bool only_if_absent = false;
  bool resume = false;
};

struct VerifyOptions {
  std::string limit = "1000";
  bool no_objects = false;
};

struct EvalOptions {
  /// URLs, or name=URL.
  std::vector<std::string> models{};
  bool faults = false;
};

struct CostOptions {
  std::string month = "current";
  std::string tenant{};
  /// File with what machines and storage cost; empty: nothing.
  std::string rates{};
  bool no_objects = false;
};

/// Of which events; times as RFC 3339.
struct ReportOptions {
  std::string tenant{};
  std::string from{};
  std::string until{};
};

struct JobAdderOptions {
  std::string tenant{};
  /// Of the helper that takes the browser's way back.
  std::string port = "8914";
  std::string redirect_uri{};
  std::string scopes{};
  std::string timeout = "5m";
  bool full = false;
  bool wait = false;
  bool offline = false;
  bool enable = false;
  std::string register_url{};
  std::string remove_id{};
};

struct ForgetOptions {
  std::string candidate{};
  std::string tenant{};
  /// How long jobs that run may take to stop.
  std::string timeout = "60s";
  /// Nothing is removed, nobody put on the list.
  bool dry_run = false;
  /// Off the list.
  bool lift = false;
};

struct Options {
  Command command = Command::jobs_list;
  OutputFormat output = OutputFormat::table;
  /// Ids, names of queues.
  std::vector<std::string> names{};
  FilterOptions filter{};
  SubmitOptions submit{};
  ListOptions list{};
  WaitOptions wait{};
  KeyOptions key{};
  ObjectOptions object{};
  VerifyOptions verify{};
  EvalOptions eval{};
  CostOptions costs{};
  ReportOptions report{};
  JobAdderOptions jobadder{};
  ForgetOptions forget{};
  /// `config --role`: whose settings; empty: rwpctl's own.
  std::string role{};
};

/// A command line that was taken apart.
struct ParsedCommandLine {
  Options options{};
  /// --data-dir and its like, as parse_configuration() takes them.
  std::vector<std::string> settings{};
  /// What is wrong, a line each, with what may have been meant.
  std::vector<std::string> problems{};
  /// What --help or --version asked to be shown.
  std::optional<std::string> answer{};
};

/// Takes commands and flags apart. Pure.
ParsedCommandLine parse_command_line(const std::vector<std::string>& arguments,
                                     const SchemeRegistry& schemes);

/// The name of `known` that `word` was probably meant to be: a slip of a few letters away, or begun
/// like it; empty when there is none. Pure.
std::string nearest_name(std::string_view word, const std::vector<std::string>& known);

}  // namespace rwp::pods::ctl
