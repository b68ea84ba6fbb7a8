#include "pods/ctl/options.hpp"
#include "pods/setting.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>
#include <memory>

namespace rwp::pods::ctl {
namespace {

constexpr const char* kVersion = "0.1.0";

constexpr const char* kFooter =
    "Each setting is also an environment variable (RWP_JOBS_URL, …); secrets and URLs are read "
    "from the file\nthat NAME_FILE names, too. `rwpctl config` shows what is in effect.\n"
    "Exit codes: 0 done, 1 failed, 2 bad usage, 3 not found, 4 unreachable, 5 refused, 6 found "
    "something to fix,\n7 jobs failed, 8 timed out, 9 lines were refused.";

/// The commands and where their words go.
class Commands {
 public:
  explicit Commands(Options& options) : options_(options) {
    app_.require_subcommand(0, 1);
    app_.allow_extras();
    app_.fallthrough(false);
    app_.add_flag("--version", version_, "Show the version");
    app_.footer(kFooter);
    add_jobs();
    add_queues();
    add_keys();
    add_objects();
    add_checks();
    add_ai();
    add_costs();
    add_analytics();
    add_jobadder();
    add_forget();
  }

  CLI::App& app() { return app_; }
  bool asked_for_version() const { return version_; }
  /// What runs, of those that were named; null: none, or a group alone.
  CLI::App* chosen() const { return chosen_; }
  const std::vector<CLI::App*>& leaves() const { return leaves_; }
  const std::string& output() const { return output_; }

 private:
  CLI::App* group(const std::string& name, const std::string& help) {
    auto* made = app_.add_subcommand(name, help);
    made->require_subcommand(0, 1);
    made->allow_extras();
    return made;
  }

  CLI::App* leaf(CLI::App* parent, const std::string& name, Command command,
                 const std::string& help) {
    auto* made = parent->add_subcommand(name, help);
    made->allow_extras();
    made->add_option("-o,--output", output_, "Form of the answer (table)")
        ->type_name("table|json|ndjson");
    made->callback([this, made, command] {
      options_.command = command;
      chosen_ = made;
    });
    leaves_.push_back(made);
    return made;
  }

  static void text(CLI::App* command, const char* flag, std::string& value, const char* type,
                   const char* help) {
    command->add_option(flag, value, help)
        ->type_name(type)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  }

  void filter(CLI::App* command) {
    auto& filter = options_.filter;
    text(command, "--state", filter.states, "LIST", "States, with commas: ready,running,failed,…");
    text(command, "--queue", filter.queue, "NAME", "Of this queue");
    text(command, "--kind", filter.kind, "NAME", "Of this kind");
    text(command, "--tag", filter.tag, "TAG", "With this tag");
    text(command, "--tenant", filter.tenant, "NAME", "Of this tenant (on a store alone)");
    text(command, "--created-from", filter.created_from, "TIME",
         "RFC 3339, such as 2026-01-31T00:00:00Z");
    text(command, "--created-before", filter.created_before, "TIME", "RFC 3339");
  }

  void names(CLI::App* command, const char* what, const char* help) {
    command->add_option(what, options_.names, help);
  }

  void add_submit(CLI::App* jobs) {
    auto* command = leaf(jobs, "submit", Command::jobs_submit,
                         "Submit a job, or one for each line of a file; repeating it is safe");
    auto& submit = options_.submit;
    text(command, "-f,--file", submit.file, "FILE",
         "JSON Lines: a payload a line; - reads standard input");
    command->add_flag("--raw", submit.raw,
                      "The lines are whole jobs: {\"kind\": …, \"payload\": …}");
    text(command, "--payload", submit.payload, "JSON", "The payload of one job; @FILE reads it");
    text(command, "--kind", submit.kind, "NAME", "What to do");
    text(command, "--payload-version", submit.version, "N", "Version of the kind (1)");
    text(command, "--queue", submit.queue, "NAME", "Where it waits (default)");
    text(command, "--priority", submit.priority, "urgent|high|normal|low", "(normal)");
    text(command, "--delay", submit.delay, "TIME", "Not before so long from now: 30s, 5m");
    text(command, "--run-at", submit.run_at, "TIME", "Not before: RFC 3339");
    text(command, "--job-timeout", submit.timeout, "TIME", "Longest run: 30s, 5m");
    text(command, "--max-attempts", submit.max_attempts, "N", "1 to 1000 (20)");
    command->add_option("--tag", submit.tags, "A tag; may be given several times")
        ->type_name("TAG")
        ->allow_extra_args(false);
    text(command, "--tenant", submit.tenant, "NAME", "Whose job it is (on a store alone)");
    text(command, "--idempotency-key", submit.idempotency_key, "KEY", "Of one job: the same once");
    text(command, "--run", submit.run, "NAME",
         "A name for this submit of the file, so that the same file can be submitted anew");
    text(command, "--rejects", submit.rejects, "FILE", "Write the lines that are refused there");
    text(command, "--batch", submit.batch, "N", "Jobs a request, 1 to 1000 (200)");
    text(command, "--patience", submit.patience, "TIME",
         "How long to wait for a server that is away (60s)");
    command->add_flag("--wait", submit.wait, "Wait until the jobs have ended");
    text(command, "--timeout", options_.wait.timeout, "TIME", "With --wait: at most so long");
  }

  void add_jobs() {
    auto* jobs = group("jobs", "Submit jobs, look at them, steer them");
    add_submit(jobs);
    auto* list = leaf(jobs, "list", Command::jobs_list, "Jobs, newest first");
    filter(list);
    text(list, "--limit", options_.list.limit, "N", "Most jobs, 1 to 1000 (50)");
    text(list, "--cursor", options_.list.cursor, "CURSOR", "Go on where a list ended");
    list->add_flag("--all", options_.list.all, "All that match, page after page");
    names(leaf(jobs, "show", Command::jobs_show, "All that is known of jobs"), "id", "Their ids");
    auto* retry = leaf(jobs, "retry", Command::jobs_retry,
                       "Put failed and cancelled jobs back, by id or by filter");
    names(retry, "id", "Their ids");
    filter(retry);
    auto* cancel = leaf(jobs, "cancel", Command::jobs_cancel,
                        "Cancel jobs that wait, ask running ones to stop, by id or by filter");
    names(cancel, "id", "Their ids");
    filter(cancel);
    auto* wait = leaf(jobs, "wait", Command::jobs_wait, "Wait until jobs have ended");
    names(wait, "id", "Their ids");
    text(wait, "--submit", options_.wait.submit, "NAME",
         "All jobs of a submit, by the name that it printed");
    text(wait, "--timeout", options_.wait.timeout, "TIME", "At most so long: 30s, 5m (for ever)");
    text(wait, "--patience", options_.submit.patience, "TIME",
         "How long to wait for a server that is away (60s)");
  }

  void add_queues() {
    auto* queues = group("queues", "Look at queues, pause and resume them");
    leaf(queues, "list", Command::queues_list, "Queues, and how many jobs stand in which state");
    names(leaf(queues, "pause", Command::queues_pause, "Start nothing new from queues"), "name",
          "Their names");
    names(leaf(queues, "resume", Command::queues_resume, "End the pause of queues"), "name",
          "Their names");
  }

  void add_keys() {
    auto* keys = group("keys", "Make, list and revoke API keys (in the file of --api-keys-file)");
    auto* create = leaf(keys, "create", Command::keys_create,
                        "Make a key and print it once; the file keeps its hash");
    text(create, "--tenant", options_.key.tenant, "NAME", "Whose key it is");
    text(create, "--scopes", options_.key.scopes, "LIST", "What it may do: jobs:read,jobs:write,…");
    text(create, "--requests-per-second", options_.key.requests_per_second, "N",
         "What it may ask of one api pod (as RWP_KEY_REQUESTS_PER_SECOND)");
    auto* list = leaf(keys, "list", Command::keys_list, "The keys' ids, tenants and scopes");
    list->add_flag("--revoked", options_.key.revoked, "Those that were revoked, too");
    names(leaf(keys, "revoke", Command::keys_revoke,
               "Take keys out of use; running pods see it within a second"),
          "id", "Their ids: the middle part of a key, rwp_ID_…");
  }

  void add_objects() {
    auto* objects = group("objects", "Look at the object store, read from it, write to it");
    auto& object = options_.object;
    auto* list = leaf(objects, "ls", Command::objects_ls, "Objects, in the order of their keys");
    names(list, "prefix", "Only keys that start so");
    text(list, "--limit", options_.list.limit, "N", "Most objects (50)");
    list->add_flag("--all", options_.list.all, "All of them");
    auto* get = leaf(objects, "get", Command::objects_get, "Read an object into a file");
    names(get, "key", "Its key");
    text(get, "-f,--file", object.file, "FILE", "Where to; - is standard output");
    auto* put = leaf(objects, "put", Command::objects_put, "Store a file, whatever its size");
    names(put, "key", "Its key");
    text(put, "-f,--file", object.file, "FILE", "What; - is standard input");
    text(put, "--content-type", object.content_type, "TYPE", "(application/octet-stream)");
    put->add_option("--meta", object.metadata, "A fact to keep beside it; several times")
        ->type_name("NAME=VALUE")
        ->allow_extra_args(false);
    put->add_flag("--only-if-absent", object.only_if_absent, "Leave what is there alone");
    put->add_flag("--resume", object.resume,
                  "Keep the parts of an upload that fails, and send only what is missing");
    names(leaf(objects, "verify", Command::objects_verify,
               "Read objects through, and hold them against the digests that their keys name"),
          "prefix", "Only keys that start so");
  }

  void add_checks() {
    auto* config =
        leaf(&app_, "config", Command::config, "The settings in effect, and where each came from");
    text(config, "--role", options_.role, "ROLE",
         "As api, worker, ai, analytics or standalone would see them here");
    leaf(&app_, "doctor", Command::doctor, "Check what the pods stand on; say what to fix");
    leaf(&app_, "migrate", Command::migrate,
         "Bring the schema of the jobs' database up to date; pods may go on meanwhile");
    names(leaf(&app_, "dispatch", Command::dispatch,
               "Who hands out the jobs of a tiered: store; postgres when Redis is lost"),
          "mode", "postgres or redis; none: show it");
    auto* verify = leaf(&app_, "verify", Command::verify,
                        "Check that jobs, leases, ledger and objects hold together");
    verify->add_flag("--no-objects", options_.verify.no_objects, "Leave the object store alone");
    text(verify, "--page", options_.verify.limit, "N", "Rows a look, 1 to 10000 (1000)");
  }

  void add_ai() {
    auto* ai = group("ai", "Compare models");
    auto* eval = leaf(ai, "eval", Command::ai_eval,
                      "Ask models the cases of a file; how often right, how dear, how fast");
    names(eval, "file", "JSON Lines, a case each: examples/data/ai_cases.jsonl");
    eval->add_option("--model", options_.eval.models, "A model to ask; may be given several times")
        ->type_name("URL")
        ->allow_extra_args(false);
    eval->add_flag("--faults", options_.eval.faults, "Say what was wrong, case by case");
  }

  void add_costs() {
    auto* costs = group("costs", "What the platform costs");
    auto* report = leaf(costs, "report", Command::costs_report,
                        "A month's AI calls, storage and machines, by tenant and per 1,000 jobs");
    text(report, "--month", options_.costs.month, "MONTH",
         "2026-11, current or previous (current)");
    text(report, "--tenant", options_.costs.tenant, "NAME", "Of this tenant alone");
    text(report, "--rates", options_.costs.rates, "FILE", "What machines and storage cost, JSON");
    report->add_flag("--no-objects", options_.costs.no_objects, "Leave out what is stored");
  }

  void add_analytics() {
    auto* analytics = group("analytics", "Reports from the table of events (RWP_ANALYTICS_URL)");
    const auto report = [this, analytics](const char* name, Command command, const char* help) {
      auto* made = leaf(analytics, name, command, help);
      text(made, "--tenant", options_.report.tenant, "NAME", "Of this tenant alone (all)");
      text(made, "--from", options_.report.from, "TIME",
           "From this time on, as 2026-01-31T00:00:00Z (30 days before --until)");
      text(made, "--until", options_.report.until, "TIME", "Up to this time (now)");
    };
    report("hours", Command::analytics_hours, "Events by hour and name");
    report("funnel", Command::analytics_funnel,
           "By source: adverts viewed, applied to, screened, placed, and the time from one to the "
           "next");
  }

  void add_jobadder() {
    auto* jobadder = group("jobadder", "Sign in to JobAdder, look at its mirror, steer it");
    auto& given = options_.jobadder;
    auto* login = leaf(jobadder, "login", Command::jobadder_login,
                       "Sign in: prints an address for a browser, and waits for it to come back");
    text(login, "--port", given.port, "N", "Where to wait for it on this machine (8914)");
    text(login, "--redirect-uri", given.redirect_uri, "URL",
         "As registered with JobAdder (http://localhost:PORT/callback)");
    text(login, "--scopes", given.scopes, "LIST", "With spaces (read write offline_access)");
    text(login, "--timeout", given.timeout, "TIME", "How long to wait (5m)");
    auto* status = leaf(jobadder, "status", Command::jobadder_status,
                        "The connection, how far the mirror has come, the webhooks");
    status->add_flag("--offline", given.offline, "Ask JobAdder nothing");
    auto* sync = leaf(jobadder, "sync", Command::jobadder_sync, "Look at JobAdder's lists now");
    sync->add_flag("--full", given.full, "All of them, whatever has been seen");
    sync->add_flag("--wait", given.wait, "Wait until that is done");
    text(sync, "--timeout", given.timeout, "TIME", "With --wait: at most so long (5m)");
    auto* webhooks = leaf(jobadder, "webhooks", Command::jobadder_webhooks,
                          "The account's webhooks; make, enable and remove ours");
    text(webhooks, "--register", given.register_url, "URL",
         "Have events sent to https://HOST/v1/jobadder/webhooks/TENANT (- for no tenant)");
    text(webhooks, "--remove", given.remove_id, "ID", "Have no more sent");
    webhooks->add_flag("--enable", given.enable, "Enable those of ours that are suspended");
    for (auto* command : {login, status, sync, webhooks}) {
      text(command, "--tenant", given.tenant, "NAME", "Whose account (nobody's)");
    }
  }

  void add_forget() {
    auto* forget = leaf(&app_, "forget", Command::forget,
                        "Remove all that is kept of a candidate, and show that nothing is left");
    auto& options = options_.forget;
    text(forget, "--candidate", options.candidate, "ID", "The id in the payloads of their jobs");
    text(forget, "--tenant", options.tenant, "NAME", "Whose candidate it is");
    text(forget, "--timeout", options.timeout, "TIME",
         "How long jobs that run may take to stop (60s)");
    forget->add_flag("--dry-run", options.dry_run, "Say what there is, and remove nothing");
    forget->add_flag("--lift", options.lift, "Take them off the list: they may come back");
  }

  Options& options_;
  CLI::App app_{"Looks at jobs, queues and keys, steers them, and checks what they stand on.",
                "rwpctl"};
  CLI::App* chosen_ = nullptr;
  std::vector<CLI::App*> leaves_;
  bool version_ = false;
  std::string output_ = "table";
};

std::vector<std::string> flags_of(const CLI::App& command) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : command.get_options()) {
    for (const auto& name : option->get_lnames()) flags.push_back("--" + name);
  }
  return flags;
}

std::vector<std::string> names_below(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::App* below : command.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(below->get_name());
  }
  return names;
}

std::string path_of(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return parent == nullptr ? command.get_name() : path_of(*parent) + " " + command.get_name();
}

std::string shown(const std::string& word) { return shown_value(Setting(), word); }

/// A flag that the command does not have.
std::string unknown_flag(const std::string& word, const CLI::App& command,
                         const Commands& commands) {
  const std::string flag = word.substr(0, word.find('='));
  std::string text = "unknown flag " + shown(flag) + " of " + path_of(command);
  const auto nearest = nearest_name(flag, flags_of(command));
  if (!nearest.empty()) return text + "; did you mean " + nearest + "?";
  for (const CLI::App* other : commands.leaves()) {
    const auto flags = flags_of(*other);
    if (std::find(flags.begin(), flags.end(), flag) == flags.end()) continue;
    return text + "; it is one of '" + path_of(*other) + "'";
  }
  return text + "; see " + path_of(command) + " --help";
}

std::string unknown_command(const std::string& word, const CLI::App& command) {
  std::string text = "unknown command " + shown(word);
  const auto names = names_below(command);
  const auto nearest = nearest_name(word, names);
  if (!nearest.empty()) {
    return text + "; did you mean '" + path_of(command) + " " + nearest + "'?";
  }
  text += "; there are ";
  for (std::size_t i = 0; i < names.size(); ++i) text += (i == 0 ? "" : ", ") + names[i];
  return text;
}

/// What was left over, told as what it was probably meant to be.
void judge_extras(const CLI::App& command, const Commands& commands,
                  std::vector<std::string>& problems) {
  bool has_flag = false;
  for (const auto& word : command.remaining()) {
    if (!word.starts_with('-') || word == "-") continue;
    problems.push_back(unknown_flag(word, command, commands));
    has_flag = true;
  }
  // What follows an unknown flag may be its value.
  if (has_flag) return;
  for (const auto& word : command.remaining()) {
    const bool is_group = !names_below(command).empty();
    problems.push_back(is_group ? unknown_command(word, command)
                                : "unexpected argument " + shown(word) + " of " + path_of(command));
    if (is_group) return;  // The rest belongs to it.
  }
}

/// A script whose variable is unset gives a flag without a value, which must not mean: all.
void refuse_empty_values(const CLI::App& command, std::vector<std::string>& problems) {
  for (const CLI::Option* option : command.get_options()) {
    const auto& values = option->results();
    if (option->get_lnames().empty() || option->get_expected_max() == 0) continue;
    if (std::find(values.begin(), values.end(), std::string()) == values.end()) continue;
    problems.push_back("--" + option->get_lnames().front() + ": must not be empty");
  }
}

/// The group or command that was named last, to tell what is wrong below it.
CLI::App* deepest(CLI::App* command) {
  for (CLI::App* below : command->get_subcommands()) return deepest(below);
  return command;
}

std::optional<OutputFormat> output_format(const std::string& name) {
  if (name == "table") return OutputFormat::table;
  if (name == "json") return OutputFormat::json;
  if (name == "ndjson") return OutputFormat::ndjson;
  return std::nullopt;
}

/// CLI11's own words for a flag without its value and the like, on one line.
std::string told(const CLI::ParseError& error) {
  std::string text = error.what();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

struct SettingFlags {
  std::vector<Setting> settings{};
  /// By flag, what was given last.
  std::map<std::string, std::string> values{};
};

/// The settings' flags, which each command takes; they are judged by parse_configuration().
SettingFlags make_setting_flags(const SchemeRegistry& schemes) {
  SettingFlags flags;
  for (auto& setting : settings(schemes)) {
    if (!setting.roles.contains(Role::ctl) || setting.flag.empty()) continue;
    flags.values[setting.flag];
    flags.settings.push_back(std::move(setting));
  }
  return flags;
}

void add_settings(CLI::App* command, SettingFlags& flags) {
  for (const auto& setting : flags.settings) {
    command->add_option(setting.flag, flags.values[setting.flag], setting.help)
        ->type_name(setting.placeholder)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
        ->group("Settings");
  }
}

}  // namespace

ParsedCommandLine parse_command_line(const std::vector<std::string>& arguments,
                                     const SchemeRegistry& schemes) {
  ParsedCommandLine parsed;
  Commands commands(parsed.options);
  auto flags = make_setting_flags(schemes);
  for (CLI::App* command : commands.leaves()) add_settings(command, flags);

  auto reversed = arguments;
  std::reverse(reversed.begin(), reversed.end());
  CLI::App* last = &commands.app();
  try {
    commands.app().parse(reversed);
    last = deepest(&commands.app());
  } catch (const CLI::CallForHelp&) {
    const CLI::App* asked = deepest(&commands.app());
    const CLI::App* parent = asked->get_parent();
    parsed.answer = asked->help(parent == nullptr ? std::string() : path_of(*parent));
    return parsed;
  } catch (const CLI::ParseError& error) {
    parsed.problems.push_back(told(error));
    return parsed;
  }
  if (commands.asked_for_version()) {
    parsed.answer = std::string("rwp ") + kVersion + "\n";
    return parsed;
  }
  for (CLI::App* command = last; command != nullptr; command = command->get_parent()) {
    judge_extras(*command, commands, parsed.problems);
  }
  if (!parsed.problems.empty()) return parsed;
  if (commands.chosen() == nullptr) {
    if (arguments.empty()) {
      parsed.answer = commands.app().help();
      return parsed;
    }
    std::string names;
    for (const auto& name : names_below(*last)) names += (names.empty() ? "" : ", ") + name;
    parsed.problems.push_back(path_of(*last) + " needs a command: " + names);
    return parsed;
  }
  refuse_empty_values(*commands.chosen(), parsed.problems);
  const auto format = output_format(commands.output());
  if (format) {
    parsed.options.output = *format;
  } else {
    parsed.problems.push_back("--output " + shown(commands.output()) +
                              ": must be table, json or ndjson");
  }
  for (const auto& setting : flags.settings) {
    if (commands.chosen()->count(setting.flag) == 0) continue;
    parsed.settings.push_back(setting.flag + "=" + flags.values[setting.flag]);
  }
  return parsed;
}

}  // namespace rwp::pods::ctl
