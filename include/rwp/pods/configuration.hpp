#pragma once

#include <rwp/core/scheme_registry.hpp>
#include <rwp/core/secret.hpp>
#include <rwp/observability/log.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::pods {

/// Which program the settings are for; each takes its own.
enum class Role : std::uint8_t {
  standalone,  ///< All of them in one process.
  api,         ///< `/v1/jobs`: submit, look, steer.
  worker,      ///< Runs jobs.
  ai,          ///< An OpenAI-compatible server in front of a model.
  analytics,   ///< A GA4-compatible collector in front of a sink.
  ctl,         ///< rwpctl: looks at and steers what the others do.
};

/// The program's name: "standalone", "api_pod", …
std::string_view program_name(Role role) noexcept;

/// How a run says how far it is.
enum class Progress : std::uint8_t {
  automatic,  ///< A bar when standard output is a terminal, lines otherwise.
  bar,
  lines,
  none,
};

/// How results go back to JobAdder.
enum class JobAdderWriteBackMode : std::uint8_t {
  none,
  notes,  ///< A note of the application.
  field,  ///< A custom field of the application.
};

/// The settings of a pod. Each is a flag and an environment variable of the same name:
/// `--jobs-url`, `RWP_JOBS_URL`. A secret has no flag, as flags are seen by every user of the
/// machine; its flag, `--ai-key-file`, names the file that holds it, as does `NAME_FILE`.
struct Configuration {
  Role role = Role::standalone;
  /// Where the defaults of the URLs lie, and `rejects.jsonl`.
  std::string data_dir = "rwp-data";
  std::string jobs_url{};
  std::string objects_url{};
  std::string ai_url{};
  std::string analytics_url{};
  /// Requests of events that may wait for one sink.
  std::size_t analytics_spool = 1'000'000;
  /// OpenAI's key (OPENAI_API_KEY): for `openai:`, and sent to no other URL.
  Secret openai_api_key{};
  /// Sent as `Authorization: Bearer` to the model's URL (RWP_AI_API_KEY); above `openai_api_key`.
  Secret ai_key{};
  /// The model that is asked for where a request names none; empty: the service's own choice.
  std::string ai_model{};
  // What stands around the model (docs/ai.md); without any of these it is metered alone.
  /// A model that is asked when that of `ai_url` cannot answer; empty: none.
  std::string ai_fallback_url{};
  /// Sent to `ai_fallback_url` (RWP_AI_FALLBACK_API_KEY).
  Secret ai_fallback_key{};
  /// What may go to the service; 0: as the service itself says.
  std::size_t ai_requests = 0;
  std::size_t ai_tokens = 0;
  /// Calls at once: of all tenants, of each. 0: no limit.
  std::size_t ai_concurrency = 0;
  std::size_t ai_tenant_concurrency = 0;
  /// A minute's, of each tenant; 0: no limit.
  std::size_t ai_tenant_requests = 0;
  std::size_t ai_tenant_tokens = 0;
  /// Whole US dollars, of all together and of each tenant; 0: no limit.
  std::size_t ai_budget_day = 0;
  std::size_t ai_budget_month = 0;
  std::size_t ai_tenant_budget_day = 0;
  std::size_t ai_tenant_budget_month = 0;
  /// MiB of answers kept in memory; 0: none.
  std::size_t ai_cache_megabytes = 0;
  std::chrono::milliseconds ai_cache_ttl{86'400'000};
  /// E-mail addresses, phone numbers and addresses do not leave.
  bool ai_redact = false;
  /// How long a stream's status is held back for the first piece, and after which silence a
  /// comment is sent.
  std::chrono::milliseconds ai_ping_every{15'000};
  /// What the processes of a fleet share: rates, cached answers, single flight; empty: nothing.
  std::string redis_url{};
  /// What each tenant may do, where that differs; empty: what the settings above say for all.
  std::string ai_tenants_file{};
  /// What each call cost is booked in the job store, also without a budget.
  bool ai_usage = false;
  /// Requests and answers are kept in the object store.
  bool ai_artefacts = false;
  /// AI calls of jobs that are marked able to wait go through the service's batches.
  bool ai_batch = false;
  /// Files and batches are served, kept in the job store and the object store.
  bool ai_files = false;
  /// Lines of such batches that are asked at once; 1 to 1,000.
  std::size_t ai_batches_concurrency = 16;
  /// A batch is made when so many calls have gathered, or the first of them has waited so long.
  std::size_t ai_batch_rows = 5'000;
  std::chrono::milliseconds ai_batch_age{60'000};
  /// How often a batch is looked at.
  std::chrono::milliseconds ai_batch_poll_every{60'000};
  /// A job that is needed sooner than this from now does not wait.
  std::chrono::milliseconds ai_batch_takes{25 * 3'600'000};
  /// Longest that the making of a file or batch may take.
  std::chrono::milliseconds ai_batch_request_timeout{120'000};
  /// What models cost; empty: OpenAI's list.
  std::string ai_prices_file{};
  // Of an `s3:` object store, by the names that AWS's own programs read. The first that is there of
  // keys, a role with a token's file, and a credentials file.
  Secret aws_access_key_id{};
  Secret aws_secret_access_key{};
  Secret aws_session_token{};
  std::string aws_role_arn{};
  std::string aws_web_identity_token_file{};
  std::string aws_role_session_name{};
  std::string aws_shared_credentials_file{};
  std::string aws_profile{};
  /// Where the URL does not name them.
  std::string aws_region{};
  std::string aws_endpoint_url_s3{};
  std::string aws_endpoint_url_sts{};
  // JobAdder (docs/jobadder.md); without a client id nothing of it is done.
  std::string jobadder_client_id{};
  Secret jobadder_client_secret{};
  /// Below it lie `/authorize` and `/token`.
  std::string jobadder_auth_url = "https://id.jobadder.com/connect";
  /// PEM file of the authorities to trust for JobAdder; empty: the system's.
  std::string jobadder_ca_file{};
  /// Requests a minute to each account; 0: no limit but what JobAdder refuses.
  std::size_t jobadder_requests = 300;
  /// From the end of a look at JobAdder's lists to the next.
  std::chrono::milliseconds jobadder_poll{300'000};
  /// What the webhooks' Authorization is made of; empty: the API pod takes no deliveries.
  Secret jobadder_webhook_secret{};
  JobAdderWriteBackMode jobadder_write_back = JobAdderWriteBackMode::none;
  /// The custom field of applications that takes the score.
  std::size_t jobadder_score_field = 0;
  /// Sent as `api_secret` to an analytics pod (RWP_ANALYTICS_API_KEY).
  Secret analytics_key{};
  /// Google's secret of the measurement stream (GA4_API_SECRET).
  Secret ga4_api_secret{};

  /// "127.0.0.1:3000", "[::1]:3000", ":3000" (all addresses); port 0: a free one. Empty (standalone
  /// alone): serve nothing.
  std::string listen{};
  /// A port of their own for /health, /ready and /metrics; empty: on `listen`.
  std::string metrics_listen{};
  /// Load balancers, and a content delivery network before them, as ranges of addresses: whose word
  /// about a request's origin is taken (`X-Forwarded-For`, `CF-Connecting-IP`).
  std::string trusted_proxies{};
  std::string trusted_cdn{};
  /// Connections from `trusted_proxies` begin with the PROXY protocol's header.
  bool proxy_protocol = false;
  /// What one API key may ask of one api pod, unless its line says otherwise; 0: no limit.
  std::size_t key_requests_per_second = 0;
  /// How long writes wait for a job store that is away. Unset: a minute for one that other servers
  /// may take over, nothing for `sqlite:`.
  std::chrono::milliseconds write_patience{-1};
  /// Where spans are sent by OTLP/HTTP, path included; empty: nowhere.
  std::string traces_url{};
  /// The part of all traces that is kept, in percent; the same in all pods.
  std::size_t traces_percent = 100;
  /// PEM files; both or none.
  std::string tls_cert_file{};
  std::string tls_key_file{};
  /// I/O threads of the server; 1 to 64.
  std::size_t http_threads = 1;
  /// Who may use the routes; see `api_pod --new-key`. Empty: nobody, unless `allow_anonymous`.
  std::string api_keys_file{};
  /// Everybody may do everything, without a key; only where `listen` is a loopback address.
  bool allow_anonymous = false;
  /// After SIGTERM: how long readiness says no before connections are closed; up to 5 minutes.
  std::chrono::milliseconds drain_delay{2'000};

  /// rwpctl: an API pod to ask instead of the job store; empty: the store.
  std::string api_url{};
  /// rwpctl: sent to the API pod as `Authorization: Bearer` (RWP_API_KEY).
  Secret api_key{};

  /// Make a key for this tenant, print it, and end. `scopes`: "jobs:read,jobs:write".
  std::string new_key{};
  std::string scopes{};

  /// Adverts to enrich, JSON Lines or CSV. Empty: run as a worker until told to stop.
  std::string input{};
  /// A name of its own for the run of an input, so that everything is enriched anew. Empty: adverts
  /// that were enriched before, from the same text and with the same prompt, are not paid again.
  std::string run{};
  Progress progress = Progress::automatic;

  /// Adverts worked on at once; 1 to 1,000.
  std::size_t concurrency = 16;
  /// How long running jobs and requests may go on after the first SIGTERM or SIGINT (and
  /// `drain_delay`); up to an hour.
  std::chrono::milliseconds drain_grace{25'000};
  observability::LogFormat log_format = observability::LogFormat::text;
  /// Unset: errors while an input is worked on, whose failures are told at the end; warnings, too,
  /// when standalone works without one; in the other pods info, which is a line a request.
  std::optional<observability::LogLevel> log_level{};
};

/// Answers the value of an environment variable.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;

/// The process's own.
Environment process_environment();

/// A setting that is in effect, as it may be shown.
struct EffectiveSetting {
  /// The variable, such as "RWP_JOBS_URL".
  std::string name{};
  /// Masked when it is secret; empty: none.
  std::string value{};
  /// The flag, the variable or the NAME_FILE that it came from, or "default".
  std::string source{};
};

/// What became of flags and environment.
struct ParsedConfiguration {
  Configuration configuration{};
  /// One line for each bad value: its name, the value (masked when it is secret), the rule. Empty:
  /// the configuration is good.
  std::vector<std::string> problems{};
  /// Each that has a variable, in the order of --help; what was refused stands at its default.
  std::vector<EffectiveSetting> effective{};
  /// What --help, --version or --print-config asked to be shown; then nothing is to be run.
  std::optional<std::string> answer{};
};

/// Reads the settings: a flag stands above the environment, that above the file named by NAME_FILE
/// (secrets and URLs, which may hold one), that above the default. All problems are told at once.
///
/// A NAME_FILE is a file of at most 64 KiB that others may not write; line breaks at its end are no
/// part of the value. A URL's scheme must be one of `schemes` for its part. A flag that `role` does
/// not have is a problem; a variable that it does not have is left alone, as pods may share them.
ParsedConfiguration parse_configuration(const std::vector<std::string>& arguments,
                                        const Environment& environment,
                                        const SchemeRegistry& schemes,
                                        Role role = Role::standalone);

/// Exit codes of the programs.
constexpr int kExitSuccess = 0;
constexpr int kExitFailure = 1;
constexpr int kExitUsage = 2;

}  // namespace rwp::pods
