#pragma once

#include "pods/ctl/jobs_desk.hpp"
#include "pods/ctl/options.hpp"
#include "pods/ctl/printer.hpp"
#include <rwp/core/runtime.hpp>
#include <rwp/pods/configuration.hpp>
#include <rwp/pods/pod.hpp>

#include <memory>
#include <string>
#include <vector>

namespace rwp::pods::ctl {

/// What a command works with. Threads: the main thread's.
struct Context {
  Options options{};
  ParsedConfiguration parsed{};
  MakeSchemes make_schemes{};
  SchemeRegistry schemes{};
  Runtime& runtime;
  Printer& out;

  const Configuration& configuration() const { return parsed.configuration; }
};

/// "rwpctl: …" on standard error.
void tell(const std::string& text);

/// Tells the error, and what to check about it; answers the exit code.
int fail(const Context& context, const Error& error);
/// Of bad input: tells it and answers kExitUsage.
int refuse(const std::string& text);
int exit_code_of(const Error& error);

/// Where a setting came from; "default" when nobody set it.
std::string source_of(const Context& context, std::string_view variable);

/// Opens the store, or the way to the API pod, by the settings. A store's file that is not there is
/// an error unless `may_make`: a slip in its path would else make an empty one.
Result<std::unique_ptr<JobsDesk>> open_desk(Context& context, bool may_make,
                                            std::chrono::milliseconds patience);
/// The store itself. `Errc::invalid_argument`: an API pod is named, and no store.
Result<std::shared_ptr<jobs::JobStore>> open_store(Context& context, bool may_make);

/// The path of a `sqlite:`, `file:` or `jsonl:` URL; empty: another one.
std::string file_path_of(const std::string& url);

/// The filter that the options state; `Errc::invalid_argument` names the flag and the rule.
Result<jobs::JobFilter> read_filter(const FilterOptions& options, const JobsDesk& desk);
/// Whether no flag of a filter is given.
bool is_everything(const FilterOptions& options);
/// `Errc::invalid_argument` names the flag.
Result<std::size_t> read_number(const std::string& flag, const std::string& text, std::size_t least,
                                std::size_t most);
Result<std::chrono::milliseconds> read_duration(const std::string& flag, const std::string& text);
Result<std::vector<Uuid>> read_ids(const std::vector<std::string>& names);

// The commands; each answers an exit code.
int submit_jobs(Context& context);
int list_jobs(Context& context);
int show_jobs(Context& context);
int retry_jobs(Context& context);
int cancel_jobs(Context& context);
int wait_for_jobs(Context& context);
int list_queues(Context& context);
int pause_queues(Context& context, bool paused);
int create_key(Context& context);
int list_keys(Context& context);
int revoke_keys(Context& context);
int list_objects(Context& context);
int get_object(Context& context);
int put_object(Context& context);
int verify_object_digests(Context& context);
int show_config(Context& context);
int run_doctor(Context& context);
int migrate_store(Context& context);
int steer_dispatch(Context& context);
int run_verify(Context& context);
int evaluate_models(Context& context);
int report_costs(Context& context);
int show_event_hours(Context& context);
int show_funnel(Context& context);
int sign_in_to_jobadder(Context& context);
int show_jobadder(Context& context);
int sync_jobadder(Context& context);
int steer_jobadder_webhooks(Context& context);
int forget_candidate(Context& context);

/// Waits until all of `ids` have ended, shows how they ended, and answers the exit code. `timeout`
/// zero: for ever.
int wait_for(Context& context, JobsDesk& desk, std::vector<Uuid> ids,
             std::chrono::milliseconds timeout);

}  // namespace rwp::pods::ctl
